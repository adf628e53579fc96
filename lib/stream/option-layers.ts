import { distance } from 'fastest-levenshtein'
import { OPTION_NAMES, OPTIONS, type OptionName } from './option-table.ts'

/** One place that options are read from. */
export interface OptionLayer {
  /** As messages name it: `job code`, a file's path, `--set`. */
  readonly source: string
  readonly settings: readonly Setting[]
  readonly problems: readonly string[]
}

/** A value as it was found, not yet parsed. */
export interface Setting {
  readonly option: OptionName
  /** The key as the user wrote it. */
  readonly written: string
  readonly raw: unknown
}

interface Entry {
  /** The key to look up. */
  readonly key: string
  readonly written: string
  readonly raw: unknown
}

const byPath: ReadonlyMap<string, OptionName> = new Map(
  OPTION_NAMES.map((name) => [OPTIONS[name].path, name]),
)
const byKey: ReadonlyMap<string, OptionName> = new Map(
  OPTION_NAMES.flatMap((name) =>
    [OPTIONS[name].key, ...(OPTIONS[name].aliases ?? [])].map((key) => [key, name]),
  ),
)

/** The options of a job: an object in camelCase. */
export function codeLayer(options: unknown): OptionLayer {
  const source = 'job code'
  if (!isGroup(options)) {
    return {
      source,
      settings: [],
      problems: [`job options (${source}): expected an object, got ${show(options)}`],
    }
  }
  const { restart, stateBackend, ...rest } = options
  const entries = flatten(rest, byPath)
  if (isGroup(stateBackend)) entries.push(...flatten({ stateBackend }, byPath))
  else entries.push({ key: 'stateBackend.type', written: 'stateBackend', raw: stateBackend })
  entries.push(...restartEntries(restart))
  return toLayer(source, entries, byPath)
}

/** Flink's keys: flat, nested, or both, as a YAML or JSON file gives them. */
export function keyLayer(source: string, values: unknown): OptionLayer {
  if (values === undefined || values === null) return { source, settings: [], problems: [] }
  if (!isGroup(values)) {
    return { source, settings: [], problems: [`${source}: expected a map of options, got ${show(values)}`] }
  }
  return toLayer(source, flatten(values, byKey), byKey)
}

/** A value in a message. */
export function show(value: unknown): string {
  if (typeof value === 'number' || typeof value === 'bigint' || value === undefined) return String(value)
  if (typeof value === 'function') return 'a function'
  return JSON.stringify(value) ?? typeof value
}

/** A job writes the settings of the strategy that it chose, without naming it again in each key. */
function restartEntries(restart: unknown): readonly Entry[] {
  if (!isGroup(restart)) return [{ key: 'restart.type', written: 'restart', raw: restart }]
  const { type, ...settings } = restart
  const known = OPTIONS.restart.type.parse(type)
  const typeEntry = { key: 'restart.type', written: 'restart.type', raw: type ?? null }
  if (known === undefined) return [typeEntry]
  const entries = Object.entries(settings).map(([field, raw]) => ({
    key: `restart.${known}.${field}`,
    written: `restart.${field}`,
    raw,
  }))
  return [typeEntry, ...entries]
}

function flatten(
  group: Readonly<Record<string, unknown>>,
  known: ReadonlyMap<string, OptionName>,
  prefix = '',
): Entry[] {
  return Object.entries(group).flatMap(([field, raw]) => {
    const key = `${prefix}${field}`
    const isPrefix = !known.has(key) || [...known.keys()].some((other) => other.startsWith(`${key}.`))
    if (isGroup(raw) && isPrefix && Object.keys(raw).length > 0) return flatten(raw, known, `${key}.`)
    return [{ key, written: key, raw }]
  })
}

function toLayer(
  source: string,
  entries: readonly Entry[],
  known: ReadonlyMap<string, OptionName>,
): OptionLayer {
  const settings: Setting[] = []
  const problems: string[] = []
  for (const { key, written, raw } of entries) {
    if (raw === undefined) continue
    const option = known.get(key)
    const group = option === undefined && [...known.keys()].some((other) => other.startsWith(`${key}.`))
    if (group) {
      // An empty group says nothing, and may.
      if (!isGroup(raw))
        problems.push(`${written} (${source}): expected a group of options, got ${show(raw)}`)
    } else if (option === undefined) {
      problems.push(`${written} (${source}): unknown option${suggestion(key, known)}`)
    } else {
      const twin = settings.find((setting) => setting.option === option)
      if (twin === undefined) settings.push({ option, written, raw })
      else problems.push(`${written} (${source}): means the same as ${twin.written}; give one of them`)
    }
  }
  return { source, settings, problems }
}

function suggestion(key: string, known: ReadonlyMap<string, OptionName>): string {
  // The key of a job in a file, or the other way round.
  const elsewhere = known === byPath ? byKey.get(key) : byPath.get(key)
  if (elsewhere !== undefined) {
    const { path, key: flinkKey } = OPTIONS[elsewhere]
    return `; here it is '${known === byPath ? path : flinkKey}'`
  }
  const nearest = [...known.keys()]
    .map((candidate) => ({
      candidate,
      edits: candidate.startsWith(key) ? 1 : distance(key.toLowerCase(), candidate.toLowerCase()),
    }))
    .reduce((best, next) => (next.edits < best.edits ? next : best))
  return nearest.edits <= Math.max(2, key.length / 3) ? `; did you mean '${nearest.candidate}'?` : ''
}

function isGroup(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
