import { inspect } from 'node:util'
import type { SinkContext, SinkWriter, WriterSink } from '../stream/sink.ts'
import { errorCode } from './file-errors.ts'

export interface PrintOptions<T> {
  /** Put before each line, to tell several prints apart. Default: none. */
  readonly prefix?: string
  /** Default: text as it is, other values on one line as `console.log` shows them. */
  readonly format?: (value: T) => string
  /** Takes whole lines, many at a time, each with its `\n`. Default: standard output. */
  readonly write?: (text: string) => void | Promise<void>
}

/**
 * Prints a line for each record. As in Flink, `prefix:3> value` tells which subtask printed it, from 1; without
 * prefix `3> value`, and with parallelism 1 `prefix> value` or `value`.
 *
 * Order: that of the subtask. Delivery: at-least-once; what was printed after the last checkpoint is printed again
 * after a restart. When the reader of standard output goes away (`| head`), the rest is dropped silently.
 */
export function print<T>(options: PrintOptions<T> = {}): WriterSink<T> {
  const { format = formatValue, write = writeToStdout } = options
  return {
    type: 'writer',
    kind: 'print',
    createWriter: (ctx) => printer(linePrefix(options.prefix, ctx), format, write),
  }
}

function printer<T>(
  start: string,
  format: (value: T) => string,
  write: (text: string) => void | Promise<void>,
): SinkWriter<T> {
  return {
    write(values) {
      let text = ''
      for (const value of values) text += `${start}${format(value)}\n`
      return write(text)
    },
  }
}

function linePrefix(prefix: string | undefined, ctx: SinkContext): string {
  const parts = [prefix ?? '', ctx.parallelism > 1 ? String(ctx.subtaskIndex + 1) : '']
  const named = parts.filter((part) => part !== '').join(':')
  return named === '' ? '' : `${named}> `
}

export function formatValue(value: unknown): string {
  return typeof value === 'string'
    ? value
    : inspect(value, { breakLength: Infinity, compact: true, depth: 6 })
}

let stdoutIsGuarded = false
let stdoutIsGone = false

function writeToStdout(text: string): void | Promise<void> {
  const { stdout } = process
  if (!stdoutIsGuarded) {
    stdoutIsGuarded = true
    stdout.on('error', (cause) => {
      if (errorCode(cause) !== 'EPIPE') throw cause
      stdoutIsGone = true
    })
  }
  if (stdoutIsGone || text === '') return
  if (stdout.writableNeedDrain) return new Promise((resolve) => stdout.write(text, () => resolve()))
  stdout.write(text)
}
