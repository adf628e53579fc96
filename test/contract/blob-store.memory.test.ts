import { describe, expect, it } from 'vitest'
import { MemoryBlobStore } from '../../lib/embedded/memory-blob-store.ts'
import { BlobStoreError } from '../../lib/ports/blob-store.ts'
import { CallLedger } from '../world/call-ledger.ts'
import { MemoryBlobs } from '../world/memory-blobs.ts'
import { PlannedFaults } from '../world/planned-faults.ts'
import { blobStoreContract, manyBlobsContract } from './blob-store.ts'

blobStoreContract('MemoryBlobStore', () => Promise.resolve(new MemoryBlobStore()))
blobStoreContract('MemoryBlobs', () => Promise.resolve(new MemoryBlobs().client()))
manyBlobsContract('MemoryBlobs', () => Promise.resolve(new MemoryBlobs().client()))

describe('MemoryBlobs behaves like S3', () => {
  it('has the object although the answer was lost, and tells a library that repeats by itself that it exists', async () => {
    const faults = new PlannedFaults()
    const model = new MemoryBlobs('s3://bucket/job')
    const blobs = model.client({ faults })
    expect(blobs.location).toBe('s3://bucket/job')
    faults.loseAnswer('blobs.put')
    await expect(blobs.putIfAbsent('a', Uint8Array.of(1))).rejects.toThrow(BlobStoreError)
    faults.throttle('blobs.put')
    await expect(blobs.putIfAbsent('b', Uint8Array.of(1))).rejects.toThrow(BlobStoreError)
    faults.repeat('blobs.put')
    expect(await blobs.putIfAbsent('c', Uint8Array.of(1))).toBe('exists')
    expect(await model.store.list('')).toEqual(['a', 'c'])
    for (const request of ['get', 'list', 'delete'] as const) {
      faults.throttle(`blobs.${request}`)
      await expect(blobs[request]('a')).rejects.toThrow('was throttled')
    }
    expect(await model.store.list('')).toEqual(['a', 'c'])
  })

  it('counts PUT and LIST apart from GET, and a LIST for each thousand names', async () => {
    const ledger = new CallLedger()
    const model = new MemoryBlobs()
    const blobs = model.client({ ledger })
    await blobs.putIfAbsent('a', Uint8Array.of(1))
    await blobs.putIfAbsent('a', Uint8Array.of(1))
    await blobs.get('a')
    await blobs.delete('a')
    expect([ledger.units().s3Puts, ledger.units().s3Gets, ledger.calls('blobs')]).toEqual([2, 1, 4])
    for (let index = 0; index < 1001; index++) await model.store.putIfAbsent(`n${index}`, Uint8Array.of(1))
    await blobs.list('n')
    await blobs.list('nothing')
    expect(ledger.units('blobs.list').s3Puts).toBe(3)
  })
})
