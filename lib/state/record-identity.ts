import murmurhash from 'murmurhash'
import { OperatorFault, type FaultyRecord } from '../model/faults.ts'
import type { RecordIdentity } from '../model/poison-records.ts'
import { encodeValue } from './codec.ts'

/** Of the record that the fault is about; undefined where it is about none, or about one that is not plain data. */
export function recordIdentityOf(cause: unknown): RecordIdentity | undefined {
  if (!(cause instanceof OperatorFault) || cause.record === undefined) return undefined
  const { operatorUid } = cause.origin
  const hash = hashOfRecord(operatorUid, cause.record)
  return hash === undefined ? undefined : { operatorUid, hash }
}

/** The same for the same record, in every process; undefined where the record is not plain data. */
export function hashOfRecord(operatorUid: string, record: FaultyRecord): string | undefined {
  const { stage, timestampMs, value } = record
  const edge = stage === 'key' ? [record.targetUid, record.inputIndex] : []
  let bytes: Uint8Array
  try {
    bytes = encodeValue([stage, ...edge, timestampMs, value], { operatorUid, state: 'record' })
  } catch {
    return undefined
  }
  return [0, 1].map((seed) => murmurhash.v3(bytes, seed).toString(16).padStart(8, '0')).join('')
}
