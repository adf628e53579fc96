import type { CheckpointConfig, JobConfig } from '../stream/config.ts'
import { OPTIONS, type OptionName } from '../stream/option-table.ts'

/**
 * What of a job's settings its tasks go by, as its coordinator does. A run keeps those that it was started with: code that is
 * deployed with others meanwhile is not its code.
 */
export interface TaskSettings {
  /** Periodic ones: then logs keep their positions. */
  readonly takesCheckpoints: boolean
  readonly mode: CheckpointConfig['mode']
  readonly unaligned: boolean
  /** Records that functions keep failing at. */
  readonly setsRecordsAside: boolean
}

const OPTION_OF: { readonly [Setting in keyof TaskSettings]: OptionName } = {
  takesCheckpoints: 'interval',
  mode: 'mode',
  unaligned: 'unaligned',
  setsRecordsAside: 'poisonDeadLetterAfter',
}

export function taskSettingsOf({
  checkpointing: { intervalMs, mode, unaligned },
  poisonRecords,
}: JobConfig): TaskSettings {
  return {
    takesCheckpoints: intervalMs !== undefined,
    mode,
    unaligned,
    setsRecordsAside: poisonRecords.deadLetterAfter !== undefined,
  }
}

/**
 * The keys of options by which code that is deployed now could not go on with a run that was started with others. None where that
 * takes no checkpoints: it would have nothing to go back to, and its tasks can go on. `run` undefined, or without some of them: it
 * is of older code, which did not note them.
 */
export function changedSettings(
  run: Partial<TaskSettings> | undefined,
  config: JobConfig,
): readonly string[] {
  if (run?.takesCheckpoints !== true) return []
  const deployed = taskSettingsOf(config)
  const names = Object.keys(OPTION_OF) as (keyof TaskSettings)[]
  return names
    .filter((name) => run[name] !== undefined && run[name] !== deployed[name])
    .map((name) => OPTIONS[OPTION_OF[name]].key)
}
