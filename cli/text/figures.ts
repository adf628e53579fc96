const grouped = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 })

/** `1234567` as `1,234,567`. */
export function formatCount(count: number): string {
  return grouped.format(count)
}

const COUNT_UNITS: readonly (readonly [unit: string, size: number])[] = [
  ['G', 1e9],
  ['M', 1e6],
  ['k', 1e3],
]

/** Three digits are enough for a figure that changes while it is read: `950`, `12.3k`, `1.23M`. */
export function formatCompact(value: number): string {
  if (value > 0 && value < 9.95) return String(Number(value.toFixed(1)))
  const whole = Math.round(value)
  if (whole < 10_000) return formatCount(whole)
  return scaled(whole, COUNT_UNITS)
}

const BYTE_UNITS: readonly (readonly [unit: string, size: number])[] = [
  [' TB', 1e12],
  [' GB', 1e9],
  [' MB', 1e6],
  [' kB', 1e3],
]

/** `1234` as `1.23 kB`. */
export function formatBytes(bytes: number): string {
  return bytes < 1_000 ? `${Math.round(bytes)} B` : scaled(bytes, BYTE_UNITS)
}

/** Time that has passed, for people: `340 ms`, `4.2 s`, `42 s`, `3 min 07 s`, `1 h 02 min`, `2 d 03 h`. */
export function formatElapsed(ms: number): string {
  const seconds = Math.floor(ms / 1_000)
  if (ms < 1_000) return `${Math.max(0, Math.round(ms))} ms`
  if (seconds < 10) return `${Math.floor(ms / 100) / 10} s`
  if (seconds < 60) return `${seconds} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return `${minutes} min ${twoDigits(seconds % 60)} s`
  const hours = Math.floor(minutes / 60)
  if (hours < 24) return `${hours} h ${twoDigits(minutes % 60)} min`
  return `${Math.floor(hours / 24)} d ${twoDigits(hours % 24)} h`
}

const EPOCH_MS_MAX = 8.64e15

/** Epoch milliseconds as ISO 8601, without empty milliseconds. What no calendar holds stays a number. */
export function formatInstant(epochMs: number): string {
  if (Math.abs(epochMs) > EPOCH_MS_MAX) return String(epochMs)
  return new Date(epochMs).toISOString().replace('.000Z', 'Z')
}

/** A watermark: `-` before the first, `end` after the last. */
export function formatWatermark(epochMs: number): string {
  if (epochMs === Number.NEGATIVE_INFINITY) return '-'
  return epochMs === Number.POSITIVE_INFINITY ? 'end' : formatInstant(epochMs)
}

/** `1 restart`, `2 restarts`. */
export function plural(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? '' : 's'}`
}

function scaled(value: number, units: readonly (readonly [string, number])[]): string {
  // A value that rounds up to the next unit is told in it: 999,999 is 1M, not 1000k.
  const [unit, size] = units.find(([, least]) => value >= least * 0.9995) ?? units.at(-1)!
  return `${Number((value / size).toPrecision(3))}${unit}`
}

function twoDigits(value: number): string {
  return String(value).padStart(2, '0')
}
