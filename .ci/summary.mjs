// Prints `N passed, N failed` from vitest's JSON reports. A test file that could not be loaded counts as a
// failure; a run without tests is one too.
import { readFileSync } from 'node:fs'

let passed = 0
let failed = 0
for (const report of process.argv.slice(2)) {
  const files = readReport(report)
  if (files.length === 0) failed++
  for (const file of files) {
    const failedInFile = file.assertionResults.filter((test) => test.status === 'failed').length
    passed += file.assertionResults.filter((test) => test.status === 'passed').length
    failed += file.status === 'failed' ? Math.max(failedInFile, 1) : failedInFile
  }
}
console.log(`${passed} passed, ${failed} failed`)
process.exitCode = failed > 0 || passed === 0 ? 1 : 0

/** The files of the report; none when vitest ended before it wrote one. */
function readReport(path) {
  const text = readFileSync(path, 'utf8')
  return text === '' ? [] : JSON.parse(text).testResults
}
