const encoder = new TextEncoder()
/** Up to this length, writing ASCII by hand beats the call into the encoder. */
const SHORT_TEXT = 40

/** A growing buffer. */
export class ByteWriter {
  #bytes: Uint8Array
  #view: DataView
  length = 0

  constructor(initialBytes = 1024) {
    this.#bytes = new Uint8Array(initialBytes)
    this.#view = new DataView(this.#bytes.buffer)
  }

  u8(value: number): void {
    this.#reserve(1)
    this.#bytes[this.length++] = value
  }

  u16(value: number): void {
    this.#reserve(2)
    this.#view.setUint16(this.length, value, true)
    this.length += 2
  }

  u32(value: number): void {
    this.#reserve(4)
    this.#view.setUint32(this.length, value, true)
    this.length += 4
  }

  f64(value: number): void {
    this.#reserve(8)
    this.#view.setFloat64(this.length, value, true)
    this.length += 8
  }

  /** Unsigned LEB128 of an integer up to Number.MAX_SAFE_INTEGER. */
  varint(value: number): void {
    this.#reserve(8)
    let rest = value
    while (rest >= 0x80) {
      this.#bytes[this.length++] = (rest % 0x80) | 0x80
      rest = Math.floor(rest / 0x80)
    }
    this.#bytes[this.length++] = rest
  }

  bytes(bytes: Uint8Array): void {
    this.#reserve(bytes.length)
    this.#bytes.set(bytes, this.length)
    this.length += bytes.length
  }

  /** The length of the text's UTF-8 as a varint, then the text. */
  text(text: string): void {
    if (text.length <= SHORT_TEXT && this.#shortAscii(text)) return
    const utf8 = encoder.encode(text)
    this.varint(utf8.length)
    this.bytes(utf8)
  }

  /** What was written, as a view that later writes may change. */
  view(): Uint8Array {
    return this.#bytes.subarray(0, this.length)
  }

  /** Forgets what was written; views of it change with the next writes. */
  clear(): void {
    this.length = 0
  }

  #shortAscii(text: string): boolean {
    this.#reserve(text.length + 1)
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i)
      if (unit >= 0x80) return false
      this.#bytes[this.length + 1 + i] = unit
    }
    this.#bytes[this.length] = text.length
    this.length += text.length + 1
    return true
  }

  #reserve(bytes: number): void {
    const needed = this.length + bytes
    if (needed <= this.#bytes.length) return
    const grown = new Uint8Array(Math.max(needed, this.#bytes.length * 2))
    grown.set(this.view())
    this.#bytes = grown
    this.#view = new DataView(grown.buffer)
  }
}
