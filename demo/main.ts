/**
 * Counts the words of Moby Dick, crashes in the middle of it, restarts from the last checkpoint, and shows that the
 * counts are right all the same.
 *
 *     npm run demo
 */
import { readFileSync, rmSync } from 'node:fs'
import { fileSink, runJob, textFile } from 'millrace'
import { mobyDick, wordCount, wordsOf } from '../examples/word-count.ts'
import { number } from './number.ts'
import { paced } from './paced.ts'
import { plainCount } from './plain-count.ts'
import { readCounts } from './read-counts.ts'
import { Screen } from './screen.ts'
import { Story } from './story.ts'
import { showTopWords, showVerdict } from './verdict.ts'

const DIRECTORY = '.millrace/demo'
const COUNTS = `${DIRECTORY}/counts`
const LINES_PER_SECOND = 4_000
/** Half-way through the book. */
const FATAL_LINE = 'CHAPTER 61. Stubb Kills a Whale.'

rmSync(DIRECTORY, { recursive: true, force: true })
const book = readFileSync(mobyDick, 'utf8')
const lines = book.trimEnd().split('\n').length
const screen = new Screen(process.stdout)
const story = new Story(screen, lines)

let crashed = false
function wordsUntilTheCrash(line: string): readonly string[] {
  if (line === FATAL_LINE && !crashed) {
    crashed = true
    throw new Error('The whale has struck the boat')
  }
  return wordsOf(line)
}

story.title('Millrace counts the words of Moby Dick, and is made to crash on the way.')
story.say(`The job (examples/word-count.ts) reads the book's ${number(lines)} lines, keeps a count`)
story.say('for each word, and writes every count to a file as it rises: 1, 2, 3, …')
story.say(
  `A checkpoint is taken every second. The source is slowed down to ${number(LINES_PER_SECOND)} lines`,
)
story.say('a second, so that one can watch.')
story.title('The run')

const job = await runJob(
  wordCount(
    paced(textFile(mobyDick), LINES_PER_SECOND, story),
    fileSink(COUNTS, { format: 'json' }),
    wordsUntilTheCrash,
  ),
  {
    set: {
      'execution.checkpointing.dir': `${DIRECTORY}/checkpoints`,
      'millrace.dead-letters.dir': `${DIRECTORY}/dead-letters`,
    },
  },
)
job.onEvent((event) => story.event(event))
const ticker = setInterval(() => story.progress(), 50)

const { status, restarts, cause } = await job.result
clearInterval(ticker)
if (status !== 'FINISHED') {
  story.say(`The job is ${status}: ${cause?.message}`)
  process.exit(1)
}
story.finished()

story.title('Is it right? The same book, counted in a plain loop without Millrace')
const counts = readCounts(COUNTS)
showTopWords(screen, counts.totals)
screen.line()
const equal = showVerdict(screen, counts, plainCount(book))
process.exit(equal && restarts === 1 ? 0 : 1)
