import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'

import { expect, test, vi } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))
const pages = [
  ...readdirSync(root).filter((name) => name.endsWith('.md')),
  ...readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
]
/** Pages whose code is checked: each block of it says which file it shows. */
const taught = pages.filter((page) => page === 'README.md' || page.startsWith('docs/guide/'))

interface Block {
  readonly page: string
  readonly language: string
  /** The file after the language: what a `ts` block shows, and what prints a `text` block. */
  readonly file: string | undefined
  readonly text: string
}

const blocks = taught.flatMap((page) => blocksOf(page))
const code = blocks.filter(({ language }) => language === 'ts')
const output = blocks.filter(({ language, file }) => language === 'text' && file !== undefined)

test('the documentation has code', () => {
  expect(code.length).toBeGreaterThan(0)
  expect(output.length).toBeGreaterThan(0)
})

test.each(code)('$page shows $file as it is', ({ file, text }) => {
  expect(file, `the file that this block shows:\n${text}`).toBeDefined()
  const lines = readFileSync(join(root, file!), 'utf8').split('\n')
  const wanted = text.split('\n')
  const shown = lines.some((_, at) => dedent(lines.slice(at, at + wanted.length)) === text)
  expect(shown, `lines of ${file}:\n${text}`).toBe(true)
})

test.concurrent.for(output)('$file prints what $page says', async ({ file, text }, context) => {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-docs-'))
  context.onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  const settings = Object.entries({
    'execution.checkpointing.dir': join(directory, 'checkpoints'),
    'millrace.dead-letters.dir': join(directory, 'dead-letters'),
    'millrace.ingest.dir': join(directory, 'ingest'),
  }).flatMap(([key, value]) => ['--set', `${key}=${value}`])
  const job = spawn(
    process.execPath,
    ['--import', 'tsx', '--conditions=millrace-source', 'cli/main.ts', 'run', file!, ...settings],
    { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] },
  )
  context.onTestFinished(() => void job.kill('SIGKILL'))
  const ended = once(job, 'exit')
  const printed = gather(job.stdout)
  const told = gather(job.stderr)
  if (isFed(file!)) {
    const url = await vi.waitFor(() => /readings listens on (\S+)/.exec(told.text)![1]!, { timeout: 15_000 })
    await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/x-ndjson' },
      body: readFileSync(join(root, 'examples/data/sensor-readings.ndjson')),
    })
    await vi.waitUntil(() => printed.text.trimEnd().length >= text.length, { timeout: 10_000 })
    job.kill('SIGINT')
  }
  await ended
  expect(printed.text.trimEnd()).toBe(text)
})

/** Whether the job waits for records that somebody sends, and ends when it is told to. */
function isFed(file: string): boolean {
  return /\bhttp\(/.test(readFileSync(join(root, file), 'utf8'))
}

function gather(stream: Readable): { text: string } {
  const gathered = { text: '' }
  stream.setEncoding('utf8').on('data', (chunk: string) => (gathered.text += chunk))
  return gathered
}

test.each(pages)('every link of %s leads somewhere', (page) => {
  const text = readFileSync(join(root, page), 'utf8').replaceAll(/^```.*?^```/gms, '')
  const targets = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target]) => target!)
  const missing = targets
    .filter((target) => !/^[a-z]+:/.test(target))
    .filter((target) => !leadsSomewhere(page, target))
  expect(missing).toEqual([])
})

function leadsSomewhere(page: string, target: string): boolean {
  const [path, anchor] = target.split('#') as [string, string | undefined]
  const file = path === '' ? join(root, page) : resolve(root, dirname(page), path)
  if (!existsSync(file)) return false
  return anchor === undefined || anchorsOf(file).includes(anchor)
}

/** As GitHub names them. */
function anchorsOf(file: string): string[] {
  const headings = readFileSync(file, 'utf8').matchAll(/^#+ (.*)$/gm)
  return [...headings].map(([, heading]) =>
    heading!
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  )
}

function blocksOf(page: string): Block[] {
  const text = readFileSync(join(root, page), 'utf8')
  return [...text.matchAll(/^```(\w+)(?: (\S+))?\n(.*?)\n```$/gms)].map(([, language, file, content]) => ({
    page,
    language: language!,
    file,
    text: content!,
  }))
}

/** Without the indentation that all lines have. */
function dedent(lines: readonly string[]): string {
  const indents = lines.filter((line) => line.trim() !== '').map((line) => line.search(/\S/))
  const least = Math.min(...indents)
  return lines.map((line) => line.slice(least)).join('\n')
}
