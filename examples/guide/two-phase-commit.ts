/** A two-phase-commit sink that says what it is asked to do. A real one would write to a database or to files. */
import { collection, defineJob, type TwoPhaseCommitSink } from 'millrace'

interface Transaction {
  readonly id: string
  readonly lines: string[]
}

/** Where readers look. A commit that is repeated changes nothing. */
const published = new Map<string, readonly string[]>()

const ledger: TwoPhaseCommitSink<string, Transaction> = {
  type: 'two-phase-commit',
  kind: 'ledger',
  parallelismMax: 1,
  createCommitter(ctx) {
    let opened = 0
    return {
      begin() {
        const id = `${ctx.runId}/${ctx.attempt}/${ctx.subtaskIndex}/${opened++}`
        console.log('begin')
        return { id, lines: [] }
      },
      write(txn, values) {
        txn.lines.push(...values)
        console.log(`write ${values.join(', ')}`)
      },
      preCommit(txn) {
        console.log(`pre-commit ${txn.lines.length} lines`)
        return txn
      },
      commit(txn) {
        published.set(txn.id, txn.lines)
        console.log(`commit ${txn.lines.length} lines`)
      },
      abort(txn) {
        console.log(`abort ${txn.lines.length} lines`)
      },
    }
  },
}

export default defineJob({ name: 'two-phase-commit' }, (env) => {
  env.source('orders', collection(['tea', 'milk', 'bread'])).sinkTo('ledger', ledger)
})
