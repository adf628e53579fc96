declare module 'dynalite' {
  import type { Server } from 'node:http'

  /** A DynamoDB in memory, which takes `createTableMs` to make a table. */
  export default function dynalite(options: {
    readonly createTableMs: number
    readonly deleteTableMs: number
    readonly updateTableMs: number
  }): Server
}
