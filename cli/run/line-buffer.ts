import { StringDecoder } from 'node:string_decoder'

/** Holds text back until its line is complete. */
export class LineBuffer {
  private readonly decoder = new StringDecoder('utf8')
  private partial = ''

  /** The lines that `chunk` completes, with their ends; empty if none. */
  add(chunk: string | Uint8Array): string {
    const text = this.partial + (typeof chunk === 'string' ? chunk : this.decoder.write(chunk))
    const end = text.lastIndexOf('\n') + 1
    this.partial = text.slice(end)
    return text.slice(0, end)
  }

  /** What there is of a last line. */
  rest(): string {
    const rest = this.partial + this.decoder.end()
    this.partial = ''
    return rest
  }
}
