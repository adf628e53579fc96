import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { SeededRandom } from '../../../lib/testing/index.ts'
import type { KilledJobSettings } from './killed-job.ts'

const PROGRAM = fileURLToPath(new URL('killed-job.ts', import.meta.url))
const KILLS = Number(process.env['MILLRACE_KILLS'] ?? 16)
/** Of the moments of death, as far as processes can do the same again. MILLRACE_KILL_SEED: another. */
const SEED = Number(process.env['MILLRACE_KILL_SEED'] ?? 1)
const SINKS = ['counts', 'windows', 'silences']
const WORDS = 12_000
const PACE = 4

let directory: string
let input: string
let expected: Record<string, string>

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'millrace-kill-'))
  input = join(directory, 'input.txt')
  const random = new SeededRandom(7)
  const words = Array.from({ length: WORDS }, (_, index) => {
    return `${index} ${'w'.repeat(1 + Math.floor(random.next() ** 3 * 12))}${Math.floor(random.next() * 9)}`
  })
  writeFileSync(input, words.map((line) => `${line}\n`).join(''))
  const place = placeOf('undisturbed', 'filesystem')
  await live(place, { from: undefined, pace: 0 }, undefined)
  expected = Object.fromEntries(SINKS.map((sink) => [sink, published(place, sink).join('')]))
})
afterAll(() => rmSync(directory, { recursive: true }))

type Place = Pick<KilledJobSettings, 'input' | 'output' | 'checkpoints' | 'working' | 'backend'>

function placeOf(name: string, backend: Place['backend']): Place {
  return {
    input,
    output: join(directory, name, 'output'),
    checkpoints: join(directory, name, 'checkpoints'),
    working: join(directory, name, 'working'),
    backend,
  }
}

/** When to kill: at the `count`th line that says `line`, after `ms` more. */
interface Death {
  readonly line: 'start' | 'RUNNING' | 'checkpoint' | 'FINISHED'
  readonly count: number
  readonly ms: number
}

/** Runs the job until it ends or is killed. */
async function live(
  place: Place,
  how: Pick<KilledJobSettings, 'from' | 'pace'>,
  death: Death | undefined,
): Promise<'finished' | 'killed'> {
  const settings: KilledJobSettings = { ...place, ...how }
  const child = spawn(
    process.execPath,
    ['--conditions=millrace-source', '--import', 'tsx', PROGRAM, JSON.stringify(settings)],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  )
  let errors = ''
  child.stderr.on('data', (chunk) => (errors += String(chunk)))
  const exit = once(child, 'exit') as Promise<[number | null, string | null]>
  const kill = (): void => void setTimeout(() => child.kill('SIGKILL'), death!.ms)
  let left = death?.count ?? 0
  if (death?.line === 'start') kill()
  createInterface(child.stdout).on('line', (line) => {
    if (line.startsWith('warning')) errors += `${line}\n`
    if (line === death?.line && --left === 0) kill()
  })
  const [code, signal] = await exit
  if (signal === 'SIGKILL') return 'killed'
  expect(`${code} ${errors}`).toBe('0 ')
  return 'finished'
}

/** The texts of the files that a reader sees, in order. */
function published({ output }: Place, sink: string): string[] {
  const path = join(output, sink)
  if (!existsSync(path)) return []
  const names = readdirSync(path).filter((name) => !name.startsWith('.'))
  return names.toSorted().map((name) => readFileSync(join(path, name), 'utf8'))
}

/** Nothing of what is there is in part, or was ever something else. */
function expectPrefix(place: Place, seen: Map<string, readonly string[]>): void {
  for (const sink of SINKS) {
    const texts = published(place, sink)
    const before = seen.get(sink) ?? []
    expect(texts.slice(0, before.length)).toEqual(before)
    seen.set(sink, texts)
    const all = texts.join('')
    expect(all === '' || all.endsWith('\n')).toBe(true)
    expect(all).toBe(expected[sink]!.slice(0, all.length))
  }
}

function hasCheckpoint({ checkpoints }: Place): boolean {
  if (!existsSync(checkpoints)) return false
  return readdirSync(checkpoints, { recursive: true }).some((name) => String(name).endsWith('_metadata'))
}

function randomDeath(random: SeededRandom): Death {
  const kind = random.next()
  const ms = Math.floor(random.next() ** 2 * 60)
  if (kind < 0.1) return { line: 'start', count: 1, ms: Math.floor(random.next() * 1_500) }
  if (kind < 0.3) return { line: 'RUNNING', count: 1, ms: Math.floor(random.next() * 30) }
  return { line: 'checkpoint', count: 1 + Math.floor(random.next() * 4), ms: kind < 0.6 ? 0 : ms }
}

test('a process left alone counts every word', () => {
  expect(expected['counts']!.split('\n')).toHaveLength(WORDS + 1)
})

describe.concurrent(`a process killed again and again, seed ${SEED}`, () => {
  test.each(['filesystem', 'lmdb'] as const)(
    `publishes what one left alone does, with %s state (invariants 7, 9, 11)`,
    { timeout: 120_000 },
    async (backend) => {
      const random = new SeededRandom(SEED + backend.length)
      const place = placeOf(backend, backend)
      const seen = new Map<string, readonly string[]>()
      let kills = 0
      while (kills < KILLS) {
        const from = hasCheckpoint(place) ? 'latest' : undefined
        const end = await live(place, { from, pace: PACE }, randomDeath(random))
        expect(end, `after ${kills} kills`).toBe('killed')
        kills++
        expectPrefix(place, seen)
      }
      // It was going somewhere all the time.
      expect(seen.get('counts')!.length).toBeGreaterThan(2)
      const end = await live(place, { from: 'latest', pace: 0 }, undefined)
      expect(end).toBe('finished')
      for (const sink of SINKS) expect(published(place, sink).join('')).toBe(expected[sink])
      // Nothing is left of the job, nor of those that died.
      expect(existsSync(place.checkpoints) ? readdirSync(place.checkpoints) : []).toEqual([])
      expect(existsSync(place.working) ? readdirSync(place.working) : []).toEqual([])
      const staged = readdirSync(join(place.output, 'counts', '.staging'), { recursive: true })
      expect(staged.filter((name) => /\.(open|ready)$/.test(String(name)))).toEqual([])
    },
  )
})
