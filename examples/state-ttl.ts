/**
 * What a user searched for in the last ten minutes, and nothing older.
 *
 * Shows state with a time-to-live. A value expires as a whole; of a list and a map each entry expires on its own.
 * With `OnCreateAndWrite` only a write renews an entry, with `OnReadAndWrite` a read does as well. Under
 * `NeverReturnExpired` what has expired is gone; under `ReturnExpiredIfNotCleanedUp` a read may still find it, once.
 *
 * Time-to-live goes by the clock, not by event time, and clean-up is lazy: what nobody reads is removed later, a
 * little at a time. So it never costs more than the work at hand.
 *
 *     printf 'search Ann tea\nshow Ann\n' | nc -lk 9998   # then type more such lines
 *     npx millrace run examples/state-ttl.ts
 */
import {
  defineJob,
  listState,
  mapState,
  print,
  socketText,
  type,
  valueState,
  type JobDefinition,
  type Sink,
  type Source,
  type TtlOptions,
} from 'millrace'

export type SearchEvent =
  | { readonly type: 'search'; readonly user: string; readonly query: string }
  | { readonly type: 'show'; readonly user: string }

export interface RecentSearches {
  readonly user: string
  readonly last: string | undefined
  readonly queries: readonly string[]
  readonly counts: Readonly<Record<string, number>>
}

export const tenMinutes: TtlOptions = {
  ttl: '10 min',
  updateType: 'OnCreateAndWrite',
  visibility: 'NeverReturnExpired',
}

export function stateTtl(
  source: Source<SearchEvent>,
  sink: Sink<RecentSearches>,
  ttl: TtlOptions = tenMinutes,
): JobDefinition {
  return defineJob({ name: 'state-ttl', checkpointing: { interval: '10 s' } }, (env) => {
    env
      .source('events', source)
      .keyBy(({ user }) => user)
      .process('recent', {
        state: {
          last: valueState<string>({ ttl }),
          queries: listState<string>({ ttl }),
          counts: mapState<string, number>({ ttl }),
        },
        emits: type<RecentSearches>(),
        processElement(event, ctx) {
          const { last, queries, counts } = ctx.state
          if (event.type === 'search') {
            last.update(event.query)
            queries.add(event.query)
            counts.put(event.query, (counts.get(event.query) ?? 0) + 1)
          } else {
            ctx.collect({
              user: ctx.key,
              last: last.value(),
              queries: queries.get(),
              counts: Object.fromEntries(counts.entries()),
            })
          }
        },
      })
      .sinkTo('recent-searches', sink)
  })
}

/** `search Ann tea` or `show Ann` */
export function parseSearchEvent(line: string): SearchEvent {
  const [verb, user, ...query] = line.trim().split(/\s+/)
  if (verb === 'search' && user !== undefined && query.length > 0)
    return { type: 'search', user, query: query.join(' ') }
  if (verb === 'show' && user !== undefined) return { type: 'show', user }
  throw new Error(`Expected 'search <user> <query>' or 'show <user>'`)
}

export default stateTtl(
  socketText({ host: 'localhost', port: 9998, maxRetries: Infinity, parse: parseSearchEvent }),
  print(),
)
