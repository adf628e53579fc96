import { defineJob, fileSink, http } from 'millrace'
import { z } from 'zod'

export default defineJob({ name: 'killed-http', checkpointing: { interval: '100 ms' } }, (env) => {
  env
    .source('in', http({ schema: z.object({ id: z.string() }), port: 0 }))
    .sinkTo('out', fileSink('out', { format: 'json' }))
})
