import { z } from 'zod'
import { http, sqs } from '../../../../lib/connectors/index.ts'
import type { HttpOptions } from '../../../../lib/connectors/http.ts'
import type { RoutedGroup } from '../../../../lib/connectors/ingest/group-records.ts'
import { httpEdge, type HttpEdge, type HttpEdgeParts } from '../../../../lib/connectors/ingest/http-edge.ts'
import type { HttpAnswer, HttpRequest } from '../../../../lib/connectors/ingest/http-messages.ts'
import type { IngestSource } from '../../../../lib/connectors/ingest/ingest-sources.ts'
import { recordsOf } from '../../../../lib/connectors/ingest/record-group.ts'
import type { IngestSpec } from '../../../../lib/stream/ingest.ts'
import type { Source } from '../../../../lib/stream/source.ts'

const reading: z.ZodType<{ sensor: string; celsius: number }> = z.object({
  sensor: z.string().min(1),
  celsius: z.number(),
})

function specOf(source: Source<unknown>): IngestSpec {
  if (source.type !== 'splits' || source.ingest === undefined) throw new Error('expected an ingest source')
  return source.ingest
}

function ingestSource(uid: string, source: Source<unknown>): IngestSource {
  return { uid, spec: specOf(source), vertexId: uid, parallelism: 1 }
}

/** Tests give what types would not let them. */
export interface AnyOptions extends Omit<HttpOptions<unknown>, 'schema' | 'recordId'> {
  readonly schema?: unknown
  readonly recordId?: unknown
}

export function httpSource(options: AnyOptions = {}, uid = 'readings'): IngestSource {
  return ingestSource(uid, http({ schema: reading, ...options } as HttpOptions<unknown>))
}

export const queueSource = (uid: string): IngestSource => ingestSource(uid, sqs({ queue: 'a-queue' }))

/** An edge over a list of what was delivered. */
export class TestEdge {
  readonly delivered: RoutedGroup[] = []
  readonly handle: HttpEdge
  isDurable = true
  retryAfterSec: number | undefined

  constructor(sources: readonly IngestSource[] = [httpSource()], over: Partial<HttpEdgeParts> = {}) {
    let keys = 0
    this.handle = httpEdge({
      sources,
      deliver: async (_source, groups) => {
        if (this.isDurable) this.delivered.push(...groups)
        return this.isDurable
      },
      retryAfterSec: async () => this.retryAfterSec,
      nowMs: () => 1_000,
      newKey: () => `key${++keys}`,
      ...over,
    })
  }

  post(
    body: string | Uint8Array,
    headers: HttpRequest['headers'] = {},
    path = '/readings',
  ): Promise<HttpAnswer> {
    const bytes = typeof body === 'string' ? new TextEncoder().encode(body) : body
    return this.handle({ method: 'POST', path, headers, body: bytes })
  }

  get bodies(): string[] {
    return this.delivered.flatMap(({ group }) => recordsOf(group)).map(({ body }) => body)
  }
}

export const content = ({ body }: HttpAnswer): unknown => JSON.parse(body)

export const JSON_TYPE = { 'content-type': 'application/json' }
export const LINES_TYPE = { 'content-type': 'application/x-ndjson' }
