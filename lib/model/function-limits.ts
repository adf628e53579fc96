/** What AWS allows a function to be, with the page that said so in November 2026. */
export const FUNCTION_LIMITS: {
  readonly memoryMbMin: number
  readonly memoryMbMax: number
  readonly timeoutMsMin: number
  readonly timeoutMsMax: number
  readonly concurrencyMin: number
  readonly concurrencyMax: number
  readonly environmentBytesMax: number
} = {
  /** Lambda, “Configure Lambda function memory”. */
  memoryMbMin: 128,
  /** As above. */
  memoryMbMax: 10_240,
  /** Not of AWS: what every function of a job has. A lost invocation's messages come again soon after it. */
  timeoutMsMin: 30_000,
  /** Lambda, “Configure Lambda function timeout”. */
  timeoutMsMax: 900_000,
  /** Invocations at once of one mapping of a queue. Lambda, “Configuring scaling behavior for SQS event source mappings”. */
  concurrencyMin: 2,
  /** As above. */
  concurrencyMax: 1_000,
  /** All variables of a function together. Lambda, “Lambda quotas”. */
  environmentBytesMax: 4_096,
}
