import { addExtension } from 'msgpackr'

/**
 * The extension types of the state codec. Each holds MessagePack of its own, so that any MessagePack library can at
 * least step over it. Part of the storage format (docs/savepoint-format.md).
 */
const TYPE = {
  /** Empty text: the number -0. */
  negativeZero: 0x60,
  /** Array [key, value, key, value, …] of a Map, in its order. */
  map: 0x61,
  /** Array of the items of a Set, in its order. */
  set: 0x62,
  /** Array of the UTF-16 units of text with a lone surrogate, which UTF-8 cannot hold. */
  utf16: 0x63,
  /** Array [field, value, …] of a plain object whose field names a MessagePack map would not keep. */
  record: 0x64,
} as const

type ExtensionName = keyof typeof TYPE

let packContent: (value: unknown) => Uint8Array

/** What stands in for a value that MessagePack lacks: its content, packed. */
export class Extended {
  readonly content: Uint8Array

  constructor(content: unknown) {
    this.content = packContent(content)
  }

  static negativeZero(): Extended {
    return new ExtendedAs.negativeZero('')
  }
  static map(entries: readonly unknown[]): Extended {
    return new ExtendedAs.map(entries)
  }
  static set(items: readonly unknown[]): Extended {
    return new ExtendedAs.set(items)
  }
  static utf16(text: string): Extended {
    return new ExtendedAs.utf16(Array.from({ length: text.length }, (_, i) => text.charCodeAt(i)))
  }
  static record(fields: readonly unknown[]): Extended {
    return new ExtendedAs.record(fields)
  }
}

/** msgpackr tells extensions apart by class. */
const ExtendedAs: Readonly<Record<ExtensionName, typeof Extended>> = {
  negativeZero: class extends Extended {},
  map: class extends Extended {},
  set: class extends Extended {},
  utf16: class extends Extended {},
  record: class extends Extended {},
}

const restore: Readonly<Record<ExtensionName, (content: never) => unknown>> = {
  negativeZero: () => -0,
  map: (flat: unknown[]) => new Map(pairs(flat)),
  set: (items: unknown[]) => new Set(items),
  utf16: (units: number[]) => units.map((unit) => String.fromCharCode(unit)).join(''),
  record: (flat: unknown[]) => Object.fromEntries(pairs(flat) as Iterable<[string, unknown]>),
}

/** Teaches msgpackr the extensions, once; their contents go through `pack` and `unpack`. */
export function registerExtensions(
  pack: (value: unknown) => Uint8Array,
  unpack: (bytes: Uint8Array) => unknown,
): void {
  packContent = pack
  for (const name of Object.keys(TYPE) as ExtensionName[]) {
    addExtension({
      Class: ExtendedAs[name],
      type: TYPE[name],
      pack: (value: Extended) => value.content,
      unpack: (bytes) => restore[name](unpack(bytes) as never),
    })
  }
}

function* pairs(flat: readonly unknown[]): Generator<[unknown, unknown]> {
  for (let i = 0; i < flat.length; i += 2) yield [flat[i], flat[i + 1]]
}
