/** A part of a text: `end` is the offset after its last character. */
export interface Span {
  readonly start: number
  readonly end: number
}

export type JsonScan =
  | {
      readonly type: 'value'
      readonly span: Span
      /** The elements of the value, if it is an array. */
      readonly elements: readonly Span[] | undefined
    }
  /** The text stops being JSON at `offset`; if it began as an array, after `element` whole elements. */
  | { readonly type: 'defect'; readonly offset: number; readonly reason: string; readonly element: number }

type Defect = Extract<JsonScan, { type: 'defect' }>

/** Deeper values would exhaust the stack of what handles them further on: encoders, validators, user code. */
export const JSON_DEPTH_MAX = 200

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y
const LITERALS = ['true', 'false', 'null']
const QUOTE = 34
const BACKSLASH = 92
const FIRST_PRINTABLE = 32

/**
 * Finds the JSON value (RFC 8259) at `from`, after white space, and its elements if it is an array; what follows it is not
 * looked at. Accepts what `JSON.parse` does, up to {@link JSON_DEPTH_MAX}, tells where it fails, and cuts an array into the
 * texts of its elements, as they were written: numbers keep all their digits.
 */
export function scanJson(text: string, from: number): JsonScan {
  const elements: Span[] = []
  const scan = scanValue(text, from, elements)
  return scan.type === 'defect' ? { ...scan, element: elements.length } : scan
}

function scanValue(text: string, from: number, elements: Span[]): JsonScan {
  const open: ('[' | '{')[] = []
  let at = skipSpace(text, from)
  const start = at
  let elementAt = at
  for (;;) {
    // A value is expected at `at`.
    const char = text[at]
    if (char === '[' || char === '{') {
      if (open.length === JSON_DEPTH_MAX) return defect(at, `values nested more than ${JSON_DEPTH_MAX} deep`)
      open.push(char)
      const inner = skipSpace(text, at + 1)
      if (text[inner] !== (char === '[' ? ']' : '}')) {
        if (char === '[') at = inner
        else {
          const value = afterKey(text, inner)
          if (typeof value !== 'number') return value
          at = value
        }
        if (open.length === 1) elementAt = at
        continue
      }
      open.pop()
      at = inner + 1
    } else {
      const end = endOfScalar(text, at)
      if (typeof end !== 'number') return end
      at = end
    }
    // A value has ended at `at`: what is open may end too, or another value follows.
    for (;;) {
      if (open.length === 0) {
        return {
          type: 'value',
          span: { start, end: at },
          elements: text[start] === '[' ? elements : undefined,
        }
      }
      const inArray = open.at(-1) === '['
      if (open.length === 1 && inArray) elements.push({ start: elementAt, end: at })
      at = skipSpace(text, at)
      if (text[at] === ',') break
      if (text[at] !== (inArray ? ']' : '}')) {
        return unexpected(text, at, inArray ? "',' or ']' after an element" : "',' or '}' after a member")
      }
      open.pop()
      at++
    }
    at = skipSpace(text, at + 1)
    if (open.at(-1) === '{') {
      const value = afterKey(text, at)
      if (typeof value !== 'number') return value
      at = value
    }
    if (open.length === 1) elementAt = at
  }
}

/** The offset of the first character from `from` on that is not white space. */
export function skipSpace(text: string, from: number): number {
  let at = from
  for (; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code !== 32 && code !== 10 && code !== 13 && code !== 9) break
  }
  return at
}

/** Says what was found instead of what was expected. */
export function unexpected(text: string, at: number, expected: string): Defect {
  const found = at >= text.length ? 'the end' : JSON.stringify(String.fromCodePoint(text.codePointAt(at)!))
  return defect(at, `expected ${expected}, got ${found}`)
}

function defect(offset: number, reason: string): Defect {
  return { type: 'defect', offset, reason, element: 0 }
}

/** Where the value of the member begins whose key is at `at`. */
function afterKey(text: string, at: number): number | Defect {
  if (text[at] !== '"') return unexpected(text, at, 'a key in double quotes')
  const end = endOfString(text, at)
  if (typeof end !== 'number') return end
  const colon = skipSpace(text, end)
  return text[colon] === ':' ? skipSpace(text, colon + 1) : unexpected(text, colon, "':' after a key")
}

function endOfScalar(text: string, at: number): number | Defect {
  if (text[at] === '"') return endOfString(text, at)
  NUMBER.lastIndex = at
  if (NUMBER.test(text)) return NUMBER.lastIndex
  const literal = LITERALS.find((one) => text.startsWith(one, at))
  return literal === undefined ? unexpected(text, at, 'a value') : at + literal.length
}

function endOfString(text: string, from: number): number | Defect {
  for (let at = from + 1; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === QUOTE) return at + 1
    if (code < FIRST_PRINTABLE) return unexpected(text, at, 'control characters in text to be escaped')
    if (code !== BACKSLASH) continue
    at++
    if (at >= text.length) break
    if (text[at] === 'u') {
      if (!/^[\dA-Fa-f]{4}$/.test(text.slice(at + 1, at + 5)))
        return defect(at - 1, "expected four hexadecimal digits after '\\u'")
      at += 4
    } else if (!'"\\/bfnrt'.includes(text[at]!)) return unexpected(text, at, "one of \"\\/bfnrtu after '\\'")
  }
  return defect(text.length, 'expected the text to be closed by a double quote, got the end')
}
