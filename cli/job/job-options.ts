import { statSync } from 'node:fs'

import type { Command } from 'commander'

import { UserError } from '../../lib/model/faults.ts'
import { MAX_PARALLELISM_MAX } from '../../lib/model/key-groups.ts'
import { jobFileProblem } from './load-job.ts'

/** What every command that reads a job takes, as it was typed. */
export interface JobFlags {
  readonly parallelism?: string
  readonly set?: readonly string[]
  readonly config?: string
}

/** The same, checked; with names as the runtime has them. */
export interface JobSettings {
  readonly parallelism: number | undefined
  readonly set: Readonly<Record<string, string>>
  readonly configFile: string | undefined
}

export function addJobOptions(command: Command): Command {
  return command
    .argument('<job>', 'module whose default export is the job (.ts, .mts, .js, .mjs)')
    .option('-p, --parallelism <n>', 'subtasks of each operator that sets none of its own')
    .option('--set <key=value>', 'set an option, above what the job says; repeatable', collect)
    .option('--config <file>', 'options in YAML or JSON, below what the job says')
}

/**
 * The flags of a command on a job, checked.
 * @throws UserError with all that is wrong with them, and with the file.
 */
export function checkJobFlags(file: string, flags: JobFlags): JobSettings {
  const problems: string[] = []
  const fileProblem = jobFileProblem(file)
  if (fileProblem !== undefined) problems.push(fileProblem)
  const parallelism = parseParallelism(flags.parallelism, problems)
  const set = parseSettings(flags.set ?? [], problems)
  if (flags.config !== undefined && statSync(flags.config, { throwIfNoEntry: false })?.isFile() !== true) {
    problems.push(`--config: expected a YAML or JSON file, found no file ${flags.config}`)
  }
  if (problems.length > 0) throw new UserError(problems)
  return { parallelism, set, configFile: flags.config }
}

function parseParallelism(text: string | undefined, problems: string[]): number | undefined {
  if (text === undefined) return undefined
  const value = /^\d+$/.test(text) ? Number(text) : 0
  if (value < 1 || value > MAX_PARALLELISM_MAX) {
    problems.push(
      `--parallelism: expected a whole number from 1 to ${MAX_PARALLELISM_MAX}, such as --parallelism 4, got '${text}'`,
    )
  }
  return value
}

function parseSettings(pairs: readonly string[], problems: string[]): Record<string, string> {
  const settings: Record<string, string> = {}
  for (const pair of pairs) {
    const [, key, value] = /^\s*([^=\s]+)\s*=(.*)$/s.exec(pair) ?? []
    if (key === undefined || value === undefined) {
      problems.push(`--set: expected key=value, such as --set parallelism.default=4, got '${pair}'`)
    } else settings[key] = value.trim()
  }
  return settings
}

function collect(value: string, earlier: readonly string[] = []): readonly string[] {
  return [...earlier, value]
}
