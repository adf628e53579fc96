import { defineJob, type JobDefinition, type Sink, type Source } from 'millrace'

export interface Reading {
  readonly sensor: string
  readonly celsius: number
}

/** A chain that asks for a function of its own: what docs/guide/deploy.md shows. */
export function smoothing(source: Source<Reading>, sink: Sink<Reading>): JobDefinition {
  return defineJob({ name: 'smoothing' }, (env) => {
    env
      .source('readings', source)
      .keyBy((reading) => reading.sensor)
      .reduce('smooth', smooth, { resources: { memoryMb: 4096, timeout: '2 min', maxConcurrency: 20 } })
      .sinkTo('out', sink)
  })
}

function smooth(mean: Reading, reading: Reading): Reading {
  return { ...mean, celsius: (mean.celsius + reading.celsius) / 2 }
}
