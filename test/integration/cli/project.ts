import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

import { onTestFinished } from 'vitest'

import { ROOT } from './millrace.ts'

/**
 * A directory of a user's, with these files, that has `millrace` installed: this checkout, or the package at
 * `installed`. Removed when the test is over.
 */
export function project(
  files: Readonly<Record<string, string>>,
  { installed = ROOT }: { readonly installed?: string } = {},
): string {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'millrace-cli-')))
  onTestFinished(() => rmSync(root, { recursive: true, force: true }))
  for (const [name, text] of Object.entries({ 'package.json': '{ "type": "module" }', ...files })) {
    mkdirSync(dirname(join(root, name)), { recursive: true })
    writeFileSync(join(root, name), text)
  }
  mkdirSync(join(root, 'node_modules'), { recursive: true })
  symlinkSync(installed, join(root, 'node_modules/millrace'), 'dir')
  return root
}
