import { request } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'

import type { Reading } from './jobs/windows.ts'
import type { WordRecord } from './jobs/word-count.ts'
import type { Emulator } from './emulator.ts'
import { waitFor } from './wait.ts'

/** How often each word was accepted, and so how high its counts must come. */
export class WordFeed {
  readonly accepted = new Map<string, number>()
  readonly #endpoint: string
  readonly #host: string

  constructor({ endpoint }: Emulator, ingestUrl: string) {
    this.#endpoint = endpoint
    this.#host = new URL(ingestUrl).host
  }

  /** One JSON value. */
  one(record: WordRecord): Promise<void> {
    return this.#post([record], 'application/json', JSON.stringify(record))
  }

  array(records: readonly WordRecord[]): Promise<void> {
    return this.#post(records, 'application/json', JSON.stringify(records))
  }

  lines(records: readonly WordRecord[], idempotencyKey?: string): Promise<void> {
    const body = records.map((record) => JSON.stringify(record)).join('\n')
    return this.#post(records, 'application/x-ndjson', body, idempotencyKey)
  }

  /** The same request twice, as a client does that lost the first answer. */
  async twice(records: readonly WordRecord[], idempotencyKey: string): Promise<void> {
    await this.lines(records, idempotencyKey)
    const { accepted } = this
    const before = new Map(accepted)
    await this.lines(records, idempotencyKey)
    accepted.clear()
    for (const [word, count] of before) accepted.set(word, count)
  }

  async #post(
    records: readonly WordRecord[],
    contentType: string,
    body: string,
    idempotencyKey: string = crypto.randomUUID(),
  ): Promise<void> {
    const headers = { 'content-type': contentType, 'idempotency-key': idempotencyKey }
    // A client that was not told 202 sends the same again, under the same key.
    for (let attempt = 1; ; attempt++) {
      const { status, text } = await post(this.#endpoint, this.#host, '/words', headers, body)
      if (status === 202) break
      if (status < 429 || attempt === 20) throw new Error(`HTTP ${status}: ${text}`)
      await pause(1_000)
    }
    this.isAccepted(records)
  }

  /** Says so of records that come to the job on another way. */
  isAccepted(records: readonly WordRecord[]): void {
    for (const { word } of records) this.accepted.set(word, (this.accepted.get(word) ?? 0) + 1)
  }
}

/** Posts lines of JSON, once. @throws Error if they are not accepted. */
export async function postLines(
  { endpoint }: Emulator,
  ingestUrl: string,
  source: string,
  lines: string,
): Promise<void> {
  const headers = { 'content-type': 'application/x-ndjson' }
  const { status, text } = await post(endpoint, new URL(ingestUrl).host, `/${source}`, headers, lines)
  if (status !== 202) throw new Error(`HTTP ${status}: ${text}`)
}

/** Asks the emulator as if it were the host that the URL of a function names, which no name server knows. */
function post(
  endpoint: string,
  host: string,
  path: string,
  headers: Readonly<Record<string, string>>,
  body: string,
): Promise<{ readonly status: number; readonly text: string }> {
  return new Promise((resolve, reject) => {
    const sending = request(
      new URL(path, endpoint),
      { method: 'POST', headers: { ...headers, host } },
      (answer) => {
        let text = ''
        answer.setEncoding('utf8')
        answer.on('data', (part: string) => {
          text += part
        })
        answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text }))
        answer.on('error', reject)
      },
    )
    sending.on('error', reject)
    sending.end(body)
  })
}

/** Sends readings to the user's queue. */
export async function sendReadings(
  { sqs }: Emulator,
  queueUrl: string,
  readings: readonly Reading[],
): Promise<void> {
  for (let from = 0; from < readings.length; from += 10) {
    const batch = readings.slice(from, from + 10)
    const { Failed: failed = [] } = await sqs.sendMessageBatch({
      QueueUrl: queueUrl,
      Entries: batch.map((reading, index) => ({ Id: String(index), MessageBody: JSON.stringify(reading) })),
    })
    if (failed.length > 0)
      throw new Error(`${failed.length} readings could not be sent: ${failed[0]?.Message}`)
  }
}

/** Until the job has taken, and so keeps, all that the queue had. */
export async function waitUntilTaken({ sqs }: Emulator, queueUrl: string, timeoutMs: number): Promise<void> {
  const counts = async () => {
    const { Attributes: attributes = {} } = await sqs.getQueueAttributes({
      QueueUrl: queueUrl,
      AttributeNames: ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible'],
    })
    return Object.values(attributes).map(Number)
  }
  await waitFor(
    'the queue to be empty',
    timeoutMs,
    async () => ((await counts()).every((count) => count === 0) ? true : undefined),
    counts,
  )
}
