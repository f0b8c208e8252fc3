import { describe, expect, test } from 'vitest'
import { compareBallots, sameBallot } from '../../machines/ballot.ts'
import { type Json, requestsOf } from '../../machines/batch.ts'
import {
  batchOf,
  endingsOf,
  keptRows,
  type LedgerCell,
  type LedgerRow,
} from '../../src/inspect/records/ledger.ts'
import { emptyPicture, pictureAfter } from '../../src/inspect/records/picture.ts'
import type { InspectorRecord } from '../../src/inspect/records/record.ts'
import {
  accepted,
  acceptor,
  ballot,
  batch,
  durable,
  executed,
  keyframe,
  process,
  step,
} from '../inspector/build.ts'
import { randomRecords } from '../support/records.ts'

function ledgerOf(...records: readonly InspectorRecord[]) {
  return records.reduce(pictureAfter, emptyPicture).ledger
}

function cellOf(
  instance: number,
  node: number,
  ...records: readonly InspectorRecord[]
): LedgerCell | undefined {
  return ledgerOf(...records).rows.find((row) => row.instance === instance)?.cells[node]
}

const remembers = step({ roles: { acceptor: acceptor([accepted(0, 1)]) } })
const syncs = step({ facts: [{ type: 'synced', node: 0, durable: durable({ accepted: [accepted(0, 1)] }) }] })

describe('the ledger', () => {
  test('what an acceptor took into its memory is not synced before its disk holds it', () => {
    expect(cellOf(0, 0, keyframe(), remembers)?.accepted).toMatchObject({
      ballot: ballot(1, 0),
      isSynced: false,
    })
    expect(cellOf(0, 0, keyframe(), remembers, syncs)?.accepted).toMatchObject({ isSynced: true })
  })

  test('a sync of something else does not bring back an older ballot', () => {
    const later = step({ roles: { acceptor: acceptor([accepted(0, 2, 'y')]) } })
    const cell = cellOf(0, 0, keyframe(), remembers, later, syncs)
    expect(cell?.accepted).toMatchObject({
      ballot: ballot(2, 0),
      isSynced: false,
      batch: { requests: requestsOf(batch('y')) },
    })
  })

  test('what dies with a process is forgotten, and what was synced is not', () => {
    const newer = step({ roles: { acceptor: acceptor([accepted(0, 1), accepted(1, 1)]) } })
    const ledger = ledgerOf(keyframe(), remembers, syncs, newer, process('gone'))
    expect(ledger.rows.map((row) => row.cells[0]?.accepted?.isSynced)).toEqual([true, undefined])
  })

  test('a run begins with what is on its disk', () => {
    const ledger = ledgerOf(keyframe(), remembers, process('gone'), keyframe({}, 0, { run: 'r2' }))
    expect(ledger.rows[0]?.cells[0]?.accepted).toBeNull()
    const kept = keyframe({ durable: durable({ accepted: [accepted(0, 1)] }) }, 0, { run: 'r2' })
    expect(cellOf(0, 0, keyframe(), remembers, process('gone'), kept)?.accepted?.isSynced).toBe(true)
  })

  test('a server that comes back with another disk knows nothing of what it said before', () => {
    const other = keyframe({}, 0, { run: 'r2', incarnation: 'joined' })
    const before = [keyframe(), remembers, syncs, step({ facts: [executed(0, batch('x'))] }), process('gone')]
    expect(cellOf(0, 0, ...before)).toMatchObject({ isExecuted: true })
    expect(cellOf(0, 0, ...before, other)).toEqual({ accepted: null, isChosen: false, isExecuted: false })
  })

  test('a denial is nothing accepted', () => {
    const denial = {
      type: 'denial',
      ballot: ballot(1, 0),
      instance: 3,
      promised: ballot(2, 1),
      firstUnchosen: 0,
    } as const
    const ledger = ledgerOf(keyframe(), step({ facts: [{ type: 'said', node: 0, to: 1, message: denial }] }))
    expect(ledger.rows).toEqual([])
  })

  test('that a batch is chosen is known of who executed it, or says that all below is chosen', () => {
    const knows = step({
      facts: [{ type: 'synced', node: 0, durable: durable({ firstUnchosen: 1 }) }],
    })
    expect(cellOf(0, 0, keyframe(), remembers, knows)).toMatchObject({ isChosen: true, isExecuted: false })
    const ledger = ledgerOf(keyframe(), remembers, step({ facts: [executed(0, batch('x'), 'failed')] }))
    expect(ledger.rows[0]?.cells[0]).toMatchObject({ isChosen: true, isExecuted: true })
    expect(ledger.rows[0]?.outcomes?.map(({ outcome }) => outcome.kind)).toEqual(['failed'])
  })

  test('a row shows what was chosen, and before that what was accepted at the highest ballot', () => {
    const mine = step({ roles: { acceptor: acceptor([accepted(0, 1, 'x')]) } })
    const theirs = step({ roles: { acceptor: acceptor([accepted(0, 2, 'y')]) } }, 1)
    const open = ledgerOf(keyframe(), keyframe({}, 1), theirs, mine)
    expect(batchOf(open.rows[0]!)?.requests).toEqual(requestsOf(batch('y')))
    const done = ledgerOf(
      keyframe(),
      keyframe({}, 1),
      theirs,
      mine,
      step({ facts: [executed(0, batch('z'))] }),
    )
    expect(batchOf(done.rows[0]!)?.requests).toEqual(requestsOf(batch('z')))
  })

  test('a request that ended by another one is said too', () => {
    const chosen = batch('x', 'y')
    const fact = executed(0, chosen)
    if (fact.type !== 'executed') throw new Error('it is an execution')
    const stale = { uid: 'b@0', seq: 4, outcome: { kind: 'refused', reason: 'stale' } } as const
    const outcomes = [stale, ...fact.execution.outcomes]
    const ledger = ledgerOf(
      keyframe(),
      step({ facts: [{ ...fact, execution: { ...fact.execution, outcomes } }] }),
    )
    const endings = endingsOf(ledger.rows[0]!)
    expect(
      endings.map(({ uid, seq, request, outcome }) => [uid, seq, request !== null, outcome?.kind]),
    ).toEqual([
      ['a@0', 1, true, 'executed'],
      ['a@0', 2, true, 'executed'],
      ['b@0', 4, false, 'refused'],
    ])
  })

  test('the latest instances are kept', () => {
    const many = Array.from({ length: keptRows + 20 }, (_, instance) =>
      step({ facts: [executed(instance, batch('x'))] }),
    )
    const ledger = ledgerOf(keyframe(), ...many)
    expect(ledger.rows.map(({ instance }) => instance)).toEqual(
      many.map((_, instance) => instance).slice(-keptRows),
    )
    const old = step({ facts: [executed(3, batch('x'))] })
    expect(ledgerOf(keyframe(), ...many, old).rows).toEqual(ledger.rows)
  })

  test('what is no context of an acceptor is passed over', () => {
    for (const context of [
      null,
      'x',
      [],
      {},
      { accepted: 3 },
      { accepted: ['… 4 more', null, { instance: 1 }] },
    ]) {
      const record = step({ roles: { acceptor: { state: 'listening', context } } })
      expect(ledgerOf(keyframe(), record).rows).toEqual([])
    }
  })

  test('a batch that is shown in part in a context is shown in that part', () => {
    const shown = batch('a')
    const [group] = shown.groups
    const groups = [{ ...group, requests: [...(group?.requests ?? []), '… 4 more'] }, '… 2 more']
    const accepted = [
      {
        instance: 3,
        ballot: ballot(1, 0),
        batch: { node: 0, elapsedMs: 0, groups },
      },
    ]
    const context = { accepted } as unknown as Json
    const record = step({ roles: { acceptor: { state: 'persisting', context } } })
    expect(batchOf(ledgerOf(keyframe(), record).rows[0] as LedgerRow)?.requests).toEqual(requestsOf(shown))
  })
})

test.each([
  1, 2, 3,
])('in schedules of chance it shows what each acceptor holds, and what of it is synced (%i)', (seed) => {
  let taken = 0
  let picture = emptyPicture
  let unsynced = 0
  randomRecords({
    seed,
    events: 500,
    servers: 3,
    watch: ({ servers }, records) => {
      picture = records.slice(taken).reduce(pictureAfter, picture)
      taken = records.length
      const oldest = picture.ledger.rows.length === keptRows ? picture.ledger.rows[0]!.instance : 0
      for (const { id, node } of servers) {
        // What of the unsynced a crash left on the disk is seen when the server starts again.
        if (node.running === null) continue
        const onDisk = node.disk.durable.accepted
        const inMemory: typeof onDisk = node.running.roles.acceptor.context.accepted
        // Below, it is the learner's to tell.
        const { firstUnchosen } = node.running.roles.acceptor.context
        const expected = [...new Set([...onDisk, ...inMemory].map(({ instance }) => instance))]
          .filter((instance) => instance >= Math.max(oldest, firstUnchosen))
          .sort((a, b) => a - b)
          .map((instance) => {
            const disk = onDisk.find((record) => record.instance === instance)
            const memory = inMemory.find((record) => record.instance === instance)
            const held =
              memory !== undefined && compareBallots(memory.ballot, disk?.ballot ?? null) >= 0
                ? memory
                : disk!
            const isSynced = disk !== undefined && sameBallot(disk.ballot, held.ballot)
            if (!isSynced) unsynced += 1
            return { instance, ballot: held.ballot, isSynced }
          })
        const shown = picture.ledger.rows.flatMap(({ instance, cells }) => {
          const cell = cells[id]?.accepted
          return cell && instance >= firstUnchosen
            ? [{ instance, ballot: cell.ballot, isSynced: cell.isSynced }]
            : []
        })
        expect(shown, `server ${id} after ${taken} records`).toEqual(expected)
      }
    },
  })
  expect(unsynced).toBeGreaterThan(0)
})
