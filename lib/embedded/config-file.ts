import { readFile } from 'node:fs/promises'
import { parse } from 'yaml'
import { messageOf, UserError } from '../model/faults.ts'

/** A configuration file, parsed: YAML, of which JSON is a part. @throws UserError naming the file. */
export async function readConfigFile(
  path: string,
): Promise<{ readonly path: string; readonly values: unknown }> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (cause) {
    throw new UserError(`${path}: expected a configuration file that can be read: ${messageOf(cause)}`)
  }
  try {
    return { path, values: parse(text) ?? {} }
  } catch (cause) {
    throw new UserError(`${path}: expected YAML or JSON: ${messageOf(cause)}`)
  }
}
