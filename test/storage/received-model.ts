/** Snapshots that arrive in parts, restarts and damage, over simulated files. What the store goes on with is judged beside the bytes. */
import fc from 'fast-check'
import { joined } from '../../src/core/bytes.ts'
import { sha256Hex } from '../../src/core/digest.ts'
import { SimulatedFiles, type Unsynced } from '../../src/simulator/files.ts'
import { Random } from '../../src/simulator/random.ts'
import type { FileDraft } from '../../src/storage/file-draft.ts'
import { LogStore } from '../../src/storage/log-store.ts'
import { type StoreParts, usualStoreParts } from '../../src/storage/store-parts.ts'
import { identity, snapshotBytes, snapshotName } from './fixtures.ts'
import { ended } from './settled.ts'

const keepEveryBytes = 900
const snapshots = [8, 9].map((instance) => {
  const bytes = snapshotBytes(instance, 4_000)
  return { bytes, name: snapshotName(instance, bytes) }
})

export const receivedSteps = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.record({ do: fc.constant('receive' as const), which: fc.nat({ max: 1 }) }) },
    {
      weight: 8,
      arbitrary: fc.record({ do: fc.constant('append' as const), bytes: fc.integer({ min: 1, max: 1_200 }) }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('seal' as const) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('discard' as const) }) },
    {
      weight: 5,
      arbitrary: fc.record({
        do: fc.constant('restart' as const),
        unsynced: fc.constantFrom<Unsynced>('lost', 'kept', 'torn', 'cached'),
        /** The place of a byte that the disk changes. */
        damagedAt: fc.option(fc.nat({ max: 3_000 }), { freq: 4 }),
      }),
    },
  ),
  { maxLength: 40, size: 'max' },
)

type ReceivedStep = typeof receivedSteps extends fc.Arbitrary<readonly (infer T)[]> ? T : never

class Receiver {
  readonly #files = new SimulatedFiles()
  readonly #random: Random
  readonly #parts: StoreParts
  #store: LogStore
  #draft: FileDraft | null = null
  /** The snapshot that was received last, and how much of it the store must have after a crash; `null` after damage. */
  #which = 0
  #certain: number | null = 0
  #sinceKept = 0

  constructor(seed: number, parts: StoreParts) {
    this.#random = new Random(seed)
    this.#parts = parts
    this.#store = this.#opened()
  }

  do(step: ReceivedStep): void {
    switch (step.do) {
      case 'receive':
        this.#receive(step.which)
        return
      case 'append': {
        const draft = this.#draft
        const { bytes } = snapshots[this.#which]!
        if (draft === null || draft.lengthBytes >= bytes.length) return
        const part = bytes.subarray(draft.lengthBytes, draft.lengthBytes + step.bytes)
        draft.append(part, fail)
        this.#sinceKept += part.length
        if (this.#sinceKept >= keepEveryBytes) this.#isKept(draft.lengthBytes)
        return
      }
      case 'seal': {
        const draft = this.#draft
        if (draft === null) return
        this.#draft = null
        draft.seal((error, sealed) => {
          fail(error)
          const digest = sha256Hex(snapshots[this.#which]!.bytes.subarray(0, draft.lengthBytes))
          if (sealed?.digest !== digest) throw new Error('it sealed other bytes than arrived')
        })
        this.#isKept(draft.lengthBytes)
        return
      }
      case 'discard':
        this.#draft?.discard(fail)
        if (this.#draft !== null) this.#certain = 0
        this.#draft = null
        return
      case 'restart': {
        this.#draft = null
        this.#files.crash(step.unsynced, this.#random)
        const path = this.#files.paths.find((each) => each.endsWith('.snapshot'))
        if (step.damagedAt !== null && path !== undefined) this.#damage(path, step.damagedAt)
        this.#store = this.#opened()
      }
    }
  }

  #isKept(bytes: number): void {
    this.#certain = bytes
    this.#sinceKept = 0
  }

  #receive(which: number): void {
    const { bytes, name } = snapshots[which]!
    const isSame = which === this.#which
    const parts: Uint8Array[] = []
    const draft = ended(this.#store.receive(name, (part) => parts.push(Uint8Array.from(part))))
    const kept = joined(draft.lengthBytes === 0 ? [] : parts)
    if (draft.lengthBytes !== kept.length || sha256Hex(kept) !== sha256Hex(bytes.subarray(0, kept.length))) {
      throw new Error(`it goes on with ${kept.length} bytes that are not those of the snapshot`)
    }
    // A power cut may undo a removal. Within one process what was given up is gone.
    if (!this.#isFresh && kept.length > 0) throw new Error('it goes on with a snapshot that was given up')
    if (isSame && this.#isFresh && this.#certain !== null && kept.length < this.#certain) {
      throw new Error(`it goes on with ${kept.length} bytes, and had kept ${this.#certain}`)
    }
    this.#isFresh = false
    this.#draft = draft
    this.#which = which
    this.#certain = kept.length
    this.#sinceKept = 0
  }

  /** True after a start, before anything was received. */
  #isFresh = true

  #damage(path: string, at: number): void {
    const changed = this.#files.bytesOf(path)!
    if (at >= changed.length) return
    changed[at]! ^= 1
    this.#files.damage(path, changed)
    this.#certain = null
  }

  #opened(): LogStore {
    const store = new LogStore({
      files: this.#files.session((_, act, over) => {
        act()
        over()
      }),
      directory: 'disk',
      after: () => () => undefined,
      salt: () => this.#random.below(2 ** 32),
      keepEveryBytes,
      parts: this.#parts,
    })
    const { identity: stored } = ended(store.open())
    if (stored === null) ended(store.initialise(identity))
    this.#isFresh = true
    return store
  }
}

function fail(error: Error | null): void {
  if (error !== null) throw error
}

/** Runs the steps. Throws when the store goes on with bytes that are not those of the snapshot, or with fewer than it had kept. */
export function runReceived(steps: readonly ReceivedStep[], seed: number, parts = usualStoreParts): void {
  const receiver = new Receiver(seed, parts)
  for (const step of steps) receiver.do(step)
}
