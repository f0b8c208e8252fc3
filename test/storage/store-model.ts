/** Random writes, snapshots and crashes of a simulated disk. Each opening is judged beside the model of what it must hold. */
import fc from 'fast-check'
import type { Batch } from '../../machines/batch.ts'
import type { Write } from '../../machines/outputs.ts'
import { afterWrite, type DurableState } from '../../src/core/durable.ts'
import { run } from '../../src/core/process.ts'
import { SimulatedDisk } from '../../src/simulator/disk.ts'
import type { Unsynced } from '../../src/simulator/files.ts'
import { Timeline } from '../../src/simulator/timeline.ts'
import { StorageError } from '../../src/storage/storage.ts'
import { type StoreParts, usualStoreParts } from '../../src/storage/store-parts.ts'
import { accepting, compacting, identity, learning, record, snapshotBytes } from './fixtures.ts'

const text = fc.nat({ max: 9 }).map((length) => '.'.repeat(length * 700))

export const storeSteps = fc.array(
  fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({ do: fc.constant('accept' as const), ahead: fc.nat({ max: 2 }), text }),
    },
    { weight: 4, arbitrary: fc.record({ do: fc.constant('learn' as const), text }) },
    {
      weight: 2,
      arbitrary: fc.record({
        do: fc.constant('compact' as const),
        ahead: fc.integer({ min: -2, max: 2 }),
        tail: fc.nat({ max: 3 }),
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({ do: fc.constant('pass' as const), ms: fc.constantFrom(1, 8, 40, 200) }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        do: fc.constant('crash' as const),
        unsynced: fc.constantFrom<Unsynced>('lost', 'kept', 'torn', 'cached'),
      }),
    },
  ),
  { maxLength: 40, size: 'max' },
)

type StoreStep = typeof storeSteps extends fc.Arbitrary<readonly (infer T)[]> ? T : never

const syncMs = 5

class ModelledStore {
  readonly disk: SimulatedDisk
  readonly #timeline = new Timeline()
  #process = 0
  /** The state after all writes that were requested. */
  #state: DurableState

  constructor(seed: number, parts: StoreParts) {
    this.disk = new SimulatedDisk(seed, identity, parts)
    this.#state = this.disk.state
  }

  /** Opens the disk, which throws a `Violation` when it holds another state than it may. */
  open(): void {
    this.#process += 1
    const own = this.#process
    const after = (delayMs: number, action: () => void) =>
      this.#timeline.schedule(delayMs, () => {
        if (own === this.#process) action()
      })
    const process = {
      files: (files: SimulatedDisk['files']) =>
        files.session((call, act, ended) =>
          after(call === 'sync' ? syncMs : 0, () => {
            act()
            ended()
          }),
        ),
      after,
      failed: (error: Error) => {
        throw error
      },
    }
    const outcome: { error?: Error | null } = {}
    run(this.disk.open(process), (error) => {
      outcome.error = error
    })
    while (outcome.error === undefined && this.#timeline.advance());
    if (outcome.error !== null) throw outcome.error ?? new Error('the opening did not end')
    this.#state = this.disk.state
  }

  do(step: StoreStep, round: number): void {
    const { firstUnchosen, accepted, snapshot } = this.#state
    switch (step.do) {
      case 'accept': {
        const instance = firstUnchosen + step.ahead
        this.#persist(accepting(round, record(instance, round, `${round}${step.text}`)))
        return
      }
      case 'learn': {
        const known = accepted.find(({ instance }) => instance === firstUnchosen)?.batch
        const batch = known ?? batchOf(learning(firstUnchosen, `${round}${step.text}`))
        this.#persist({ by: 'learner', chosen: [{ instance: firstUnchosen, batch }] })
        return
      }
      case 'compact': {
        const instance = firstUnchosen + step.ahead
        if (instance <= (snapshot?.instance ?? 0)) return
        const floor = step.ahead > 0 ? instance : Math.max(0, instance - step.tail)
        this.#compact(compacting(instance, floor))
        return
      }
      case 'pass':
        this.pass(step.ms)
        return
      case 'crash':
        this.#process += 1
        this.disk.crash(step.unsynced)
        this.open()
    }
  }

  pass(ms: number): void {
    const end = this.#timeline.nowMs + ms
    while ((this.#timeline.nextAtMs ?? Number.POSITIVE_INFINITY) <= end) this.#timeline.advance()
  }

  #persist(write: Write): void {
    this.#state = afterWrite(this.#state, write, () => undefined)
    this.disk.persist(write, () => undefined)
  }

  /** Writes half of the file, or all of it and the write that names it. */
  #compact(write: Extract<Write, { by: 'snapshot' }>): void {
    const draft = this.disk.draft()
    draft.append(snapshotBytes(write.snapshot.instance), () => undefined)
    let isSealed = false
    draft.seal((error) => {
      isSealed = error === null
    })
    this.pass(4 * syncMs)
    if (isSealed && write.snapshot.instance > (this.#state.snapshot?.instance ?? 0)) this.#persist(write)
  }
}

function batchOf(write: Write): Batch {
  const batch = write.by === 'learner' ? write.chosen[0]?.batch : undefined
  if (batch === undefined) throw new Error('nothing is learned')
  return batch
}

/** Runs the steps, then damages the snapshot, which the next opening must refuse. Throws when the store breaks its promise. */
export function runStore(steps: readonly StoreStep[], seed: number, parts = usualStoreParts): void {
  const store = new ModelledStore(seed, parts)
  store.open()
  for (const [round, step] of steps.entries()) store.do(step, round + 1)
  store.do({ do: 'crash', unsynced: 'cached' }, 0)
  store.pass(1_000)
  const { files, state } = store.disk
  const path = files.paths.find((each) => each.endsWith('.snapshot'))
  if (state.snapshot === null) return
  if (path === undefined) throw new Error('the file of the snapshot is missing')
  const bytes = files.bytesOf(path)!
  bytes[seed % bytes.length]! ^= 1
  files.damage(path, bytes)
  store.disk.crash('cached')
  try {
    store.open()
  } catch (error) {
    if (error instanceof StorageError && error.message.includes(path)) return
    throw error
  }
  throw new Error('it opened with a damaged snapshot')
}
