/**
 * Loading TypeScript goes through features that Node calls experimental, and Node says so each time: no news for the
 * user of a job. Other warnings appear as ever, but by way of the stream, so that a display can make room for them.
 */
export function quietWarnings(): void {
  // None are printed with --no-warnings; with a tracing flag its user wants what Node says.
  if (process.listenerCount('warning') === 0 || process.execArgv.some((flag) => flag.startsWith('--trace-')))
    return
  process.removeAllListeners('warning')
  process.on('warning', ({ name, message }) => {
    if (name !== 'ExperimentalWarning') process.stderr.write(`warning: ${name}: ${message}\n`)
  })
}
