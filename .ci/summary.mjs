// Prints what failed, and then `N passed, N failed`, from vitest's JSON reports: what else a run prints is long, and not
// always kept. A test file that could not be loaded counts as a failure; a run without tests is one too.
import { readFileSync } from 'node:fs'
import { relative } from 'node:path'

let passed = 0
let failed = 0
for (const report of process.argv.slice(2)) {
  const files = readReport(report)
  if (files.length === 0) failed++
  for (const file of files) {
    const name = relative('.', file.name)
    const failures = file.assertionResults.filter((test) => test.status === 'failed')
    for (const test of failures) tell(`${name}: ${test.fullName}`, test.failureMessages.join('\n'))
    if (file.status === 'failed' && failures.length === 0) tell(name, file.message)
    passed += file.assertionResults.filter((test) => test.status === 'passed').length
    failed += file.status === 'failed' ? Math.max(failures.length, 1) : failures.length
  }
}
console.log(`${passed} passed, ${failed} failed`)
process.exitCode = failed > 0 || passed === 0 ? 1 : 0

/** Enough of a message to know the failure again. */
function tell(what, message) {
  console.log(`FAILED ${what}\n${message.split('\n').slice(0, 30).join('\n')}`)
}

/** The files of the report; none when vitest ended before it wrote one. */
function readReport(path) {
  const text = readFileSync(path, 'utf8')
  return text === '' ? [] : JSON.parse(text).testResults
}
