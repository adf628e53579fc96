const decoder = new TextDecoder()
const SHORT_TEXT = 24

/** Reads what ByteWriter wrote. @throws RangeError at the end of the bytes. */
export class ByteReader {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  offset = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  get atEnd(): boolean {
    return this.offset >= this.#bytes.length
  }

  u8(): number {
    return this.#view.getUint8(this.offset++)
  }

  u16(): number {
    this.offset += 2
    return this.#view.getUint16(this.offset - 2, true)
  }

  u32(): number {
    this.offset += 4
    return this.#view.getUint32(this.offset - 4, true)
  }

  f64(): number {
    this.offset += 8
    return this.#view.getFloat64(this.offset - 8, true)
  }

  varint(): number {
    let value = 0
    let scale = 1
    for (;;) {
      const byte = this.u8()
      value += (byte & 0x7f) * scale
      if (byte < 0x80) return value
      scale *= 0x80
    }
  }

  /** A view: valid while the bytes are. */
  bytes(length: number): Uint8Array {
    const end = this.offset + length
    if (end > this.#bytes.length) throw new RangeError(`Expected ${length} bytes at ${this.offset}`)
    const bytes = this.#bytes.subarray(this.offset, end)
    this.offset = end
    return bytes
  }

  text(): string {
    const length = this.varint()
    if (length > SHORT_TEXT) return decoder.decode(this.bytes(length))
    let text = ''
    for (let i = 0; i < length; i++) {
      const unit = this.#view.getUint8(this.offset + i)
      if (unit >= 0x80) return decoder.decode(this.bytes(length))
      text += String.fromCharCode(unit)
    }
    this.offset += length
    return text
  }
}
