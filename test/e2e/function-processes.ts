import { execFileSync } from 'node:child_process'

import { UserError } from '../../lib/model/faults.ts'

/** MiniStack runs a function as a process of Node in a directory of this name. */
const DIRECTORY = /\/ministack-lambda-([\w-]+)-[^/]+\/_worker/

interface FunctionProcess {
  readonly pid: number
  readonly functionName: string
}

/** Processes of functions of one stack, wherever on this machine the emulator runs them. */
function functionProcesses(stackName: string): readonly FunctionProcess[] {
  const lines = execFileSync('ps', ['-eo', 'pid=,args='], { encoding: 'utf8' }).split('\n')
  return lines.flatMap((line) => {
    const functionName = DIRECTORY.exec(line)?.[1]
    return functionName?.startsWith(`${stackName}-`) === true
      ? [{ pid: Number.parseInt(line, 10), functionName }]
      : []
  })
}

/**
 * Kills one of them, without warning.
 * @throws UserError if there is none: the emulator runs functions elsewhere, where these tests cannot reach them.
 */
export function killOne(stackName: string, chance: number): FunctionProcess {
  const processes = functionProcesses(stackName)
  const victim = processes[Math.floor(chance * processes.length)]
  if (victim === undefined) {
    throw new UserError(
      `Expected functions of ${stackName} to run as processes of this machine, as MiniStack has them; found none. ` +
        'These tests kill them, and know no way to do so on other emulators',
    )
  }
  try {
    process.kill(victim.pid, 'SIGKILL')
  } catch (cause) {
    // It ended by itself in the meantime, which is as good.
    if ((cause as NodeJS.ErrnoException).code !== 'ESRCH') throw cause
  }
  return victim
}
