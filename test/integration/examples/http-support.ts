import type { TestJob } from './support.ts'

export interface Posted {
  readonly status: number
  readonly headers: Headers
  readonly content: Record<string, unknown>
}

/** Where a job takes records for a source. */
export async function urlOf(job: TestJob): Promise<string> {
  return (await job.next('listening')).url
}

export async function post(
  url: string,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<Posted> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
  const content = (await response.json()) as Record<string, unknown>
  return { status: response.status, headers: response.headers, content }
}
