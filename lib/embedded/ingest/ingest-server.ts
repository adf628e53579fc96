import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { REQUEST_BYTES_MAX, tooLarge, type HttpEdge } from '../../connectors/ingest/http-edge.ts'
import { refusal, type HttpAnswer } from '../../connectors/ingest/http-messages.ts'
import { messageOf, UserError } from '../../model/faults.ts'
import { hasCode } from '../disk-files.ts'

/** Answers HTTP requests on one address of this machine. */
export class IngestServer {
  readonly url: string
  readonly #server: Server

  private constructor(server: Server, host: string) {
    const { port } = server.address() as AddressInfo
    this.url = `http://${host.includes(':') ? `[${host}]` : host}:${port}`
    this.#server = server
  }

  /** @throws UserError if nothing can listen there. */
  static async listen(
    address: { readonly host: string; readonly port: number },
    edge: HttpEdge,
    onFault: (cause: unknown) => void,
  ): Promise<IngestServer> {
    const server = createServer((request, response) => {
      answerOf(request, edge, onFault).then(
        (found) => send(response, found, !server.listening),
        // Whoever asked has gone.
        () => response.destroy(),
      )
    })
    await new Promise<void>((resolve, reject) => {
      server.once('error', (cause) => reject(cannotListen(address, cause)))
      server.listen(address.port, address.host, resolve)
    })
    server.on('error', onFault)
    return new IngestServer(server, address.host)
  }

  /** Takes no more requests; resolves when those under way are answered. */
  async close(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve())
    })
  }
}

async function answerOf(
  request: IncomingMessage,
  edge: HttpEdge,
  onFault: (cause: unknown) => void,
): Promise<HttpAnswer> {
  const body = await bodyOf(request)
  if (body === undefined) return tooLarge(undefined)
  const headers: Record<string, string | undefined> = {}
  for (const [name, value] of Object.entries(request.headers)) {
    headers[name] = Array.isArray(value) ? value.join(', ') : value
  }
  try {
    return await edge({ method: request.method ?? '', path: request.url ?? '', headers, body })
  } catch (cause) {
    onFault(cause)
    return refusal(500, `The request was not handled: ${messageOf(cause)}`)
  }
}

/** Undefined if it is too large: the rest is passed over, so that the answer can be read. */
async function bodyOf(request: IncomingMessage): Promise<Uint8Array | undefined> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of request as AsyncIterable<Uint8Array>) {
    bytes += chunk.length
    if (bytes <= REQUEST_BYTES_MAX) chunks.push(chunk)
    else chunks.length = 0
  }
  return bytes > REQUEST_BYTES_MAX ? undefined : Buffer.concat(chunks)
}

function send(response: ServerResponse, { status, headers, body }: HttpAnswer, isLast: boolean): void {
  response.writeHead(status, {
    ...headers,
    'content-length': Buffer.byteLength(body),
    ...(isLast && { connection: 'close' }),
  })
  response.end(body)
}

function cannotListen(
  { host, port }: { readonly host: string; readonly port: number },
  cause: unknown,
): UserError {
  const meaning = hasCode(cause, 'EADDRINUSE')
    ? 'another program listens there; stop it, or choose another port'
    : hasCode(cause, 'EACCES')
      ? 'not permitted; choose a port above 1023'
      : messageOf(cause)
  return new UserError(`http: cannot listen on ${host}:${port}: ${meaning}`, { cause })
}
