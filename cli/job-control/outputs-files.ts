import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

import { messageOf, UserError } from '../../lib/model/faults.ts'

/** Outputs of stacks, by stack and name. */
export type StackOutputs = Readonly<Record<string, Readonly<Record<string, string>>>>

/** What `cdk deploy` is told to write (cdk.json): the outputs of what was deployed last, and of nothing else. */
export const OUTPUTS_FILE = 'cdk-outputs.json'

/** Where {@link keepOutputs} puts those of stacks that were deployed before, each in a file of its own. */
const KEPT_DIRECTORY = 'cdk-outputs'

/**
 * The outputs in a file that is named, or else of all stacks that were deployed from `cwd`; and where they were found.
 * @throws UserError saying what is missing.
 */
export function readOutputs(
  named: string | undefined,
  cwd: string,
): { readonly from: string; readonly stacks: StackOutputs } {
  if (named !== undefined) return { from: named, stacks: parseOutputs(readNamed(named, cwd), named) }
  const kept = keptFiles(cwd).map((file) => parseOutputs(readFileSync(resolve(cwd, file), 'utf8'), file))
  const isThere = existsSync(resolve(cwd, OUTPUTS_FILE))
  if (!isThere && kept.length === 0) throw new UserError(WHICH_JOB)
  const last = isThere ? parseOutputs(readNamed(OUTPUTS_FILE, cwd), OUTPUTS_FILE) : {}
  return {
    from: kept.length === 0 ? OUTPUTS_FILE : `${OUTPUTS_FILE}, ${KEPT_DIRECTORY}/`,
    stacks: Object.assign({}, ...kept, last) as StackOutputs,
  }
}

/**
 * Called before a stack is deployed: `cdk deploy` overwrites the file with the outputs of that one, and the jobs that were
 * deployed before could not be named any more.
 */
export function keepOutputs(cwd: string, deployed: string): void {
  if (!existsSync(resolve(cwd, OUTPUTS_FILE))) return
  const stacks = parseOutputs(readNamed(OUTPUTS_FILE, cwd), OUTPUTS_FILE)
  for (const [stack, outputs] of Object.entries(stacks)) {
    if (stack === deployed) continue
    mkdirSync(resolve(cwd, KEPT_DIRECTORY), { recursive: true })
    const text = JSON.stringify({ [stack]: outputs }, undefined, 2)
    writeFileSync(resolve(cwd, KEPT_DIRECTORY, `${stack}.json`), `${text}\n`)
  }
}

const WRITES = `\`cdk deploy --outputs-file ${OUTPUTS_FILE}\` writes it`

const WHICH_JOB =
  `Expected to be told which job: found no ${OUTPUTS_FILE} here; ${WRITES}. Name another file with --outputs; or give --table ` +
  'and --coordinator-queue, or MILLRACE_TABLE and MILLRACE_COORDINATOR_QUEUE_URL in the environment: the outputs ' +
  'TableName and CoordinatorQueueUrl of the stack'

function keptFiles(cwd: string): string[] {
  if (!existsSync(resolve(cwd, KEPT_DIRECTORY))) return []
  const names = readdirSync(resolve(cwd, KEPT_DIRECTORY)).filter((name) => name.endsWith('.json'))
  return names.toSorted().map((name) => join(KEPT_DIRECTORY, name))
}

function readNamed(file: string, cwd: string): string {
  try {
    return readFileSync(resolve(cwd, file), 'utf8')
  } catch (cause) {
    throw new UserError(
      (cause as NodeJS.ErrnoException).code === 'ENOENT'
        ? `--outputs: expected the outputs of a deployment, found no file ${file}; \`cdk deploy --outputs-file ${file}\` writes it`
        : `${file}: expected the file that \`cdk deploy\` wrote: ${messageOf(cause)}`,
      { cause },
    )
  }
}

function parseOutputs(text: string, file: string): StackOutputs {
  let outputs: unknown
  try {
    outputs = JSON.parse(text)
  } catch (cause) {
    throw new UserError(
      `${file}: expected JSON, as \`cdk deploy --outputs-file\` writes it; mend it, or remove it and deploy again: ${messageOf(cause)}`,
      { cause },
    )
  }
  if (!isObject(outputs) || !Object.values(outputs as object).every(isObject))
    throw new UserError(`${file}: expected the outputs of stacks, by stack and name`)
  return outputs as StackOutputs
}

const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null
