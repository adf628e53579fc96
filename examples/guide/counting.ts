/** Stateless and stateful steps side by side: `map` sees one record, `counts` remembers all those of its key. */
import { collection, defineJob, print, valueState } from 'millrace'

const words = ['to', 'be', 'or', 'not', 'to', 'be']

export default defineJob({ name: 'counting' }, (env) => {
  const stream = env.source('words', collection(words))

  stream.map((word) => word.toUpperCase()).sinkTo('shouted', print({ prefix: 'stateless' }))

  stream
    .keyBy((word) => word)
    .map('counts', {
      state: { seen: valueState({ default: 0 }) },
      map(word, { state: { seen } }) {
        seen.update(seen.value() + 1)
        return `${word}: ${seen.value()}`
      },
    })
    .sinkTo('counted', print({ prefix: 'stateful' }))
})
