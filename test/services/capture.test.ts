/** A picture that is drawn in slices while the state changes, and a replica that starts from one. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { whyNotInstallable } from '../../src/core/replicated-state.ts'
import { lockService } from '../../src/services/lock.ts'
import { Restoration } from '../../src/services/replica.ts'
import type { Service } from '../../src/services/service.ts'
import {
  batches,
  drawn,
  forKv,
  forLock,
  founded,
  joined,
  limits,
  opening,
  runCaptured,
  service,
  slices,
} from './capture-runs.ts'
import { ask, lock, newReplica, run } from './driver.ts'

const runs = { numRuns: Number(process.env.CAPTURE_RUNS ?? 400) }

describe('a capture, whatever is executed while it is drawn', () => {
  test('gives the bytes of the instance at which it began', () => {
    fc.assert(
      fc.property(batches, fc.nat(12), slices, (given, beginAt, sizes) => {
        runCaptured(given, beginAt, sizes, founded())
      }),
      runs,
    )
  })

  test('a replica that starts from it equals one that executed everything', () => {
    fc.assert(
      fc.property(batches, fc.nat(20), fc.integer({ min: 1, max: 2_000 }), (given, takenAt, mostBytes) => {
        const one = founded()
        for (const [instance, batch] of given.slice(0, takenAt).entries()) one.execute(instance, batch)
        const capture = one.capture()
        const restoration = new Restoration(service, limits)
        for (const part of drawn(capture, mostBytes)) restoration.add(part)
        capture.end()
        const other = restoration.end()
        const running = founded()
        const installation = running.installation()
        for (const part of [one.snapshot()]) installation.add(part)
        installation.end()
        installation.install()
        for (const copy of [other, running]) {
          expect(copy.usage).toEqual(one.usage)
          expect([copy.firstUnexecuted, copy.clockMs, copy.deadlineMs]).toEqual([
            ...[one.firstUnexecuted, one.clockMs, one.deadlineMs],
          ])
        }
        given.slice(takenAt).forEach((batch, place) => {
          const execution = one.execute(takenAt + place, batch)
          expect(other.execute(takenAt + place, batch)).toEqual(execution)
          expect(running.execute(takenAt + place, batch)).toEqual(execution)
          expect(other.usage).toEqual(one.usage)
          const digest = one.digest()
          expect([other.digest(), running.digest()]).toEqual([digest, digest])
        })
      }),
      runs,
    )
  })
})

test('the histories that are tried do reach what they are meant to reach', () => {
  const reached = new Set<string>()
  for (const given of fc.sample(batches, { numRuns: 300, seed: 7 })) {
    const replica = founded()
    for (const [instance, batch] of given.entries()) {
      const before = replica.usage
      const { outcomes, fired, endedSessions, members } = replica.execute(instance, batch)
      if (fired.length > 0) reached.add('fired')
      if (endedSessions.length > 0) reached.add('ended')
      if (members !== null) reached.add('members')
      if (replica.usage.plainTextSessions.used < before.plainTextSessions.used) reached.add('evicted')
      for (const { outcome } of outcomes) {
        reached.add(outcome.kind === 'refused' ? outcome.reason : outcome.kind)
      }
    }
  }
  expect([...reached].sort()).toEqual([
    ...['cancelled', 'conflict', 'delayed', 'ended', 'evicted', 'executed', 'expired', 'failed', 'fired'],
    ...['forgotten', 'full', 'members', 'overQuota', 'repeated', 'stale'],
  ])
})

describe('a capture', () => {
  test('excludes another one until it ends', () => {
    const replica = newReplica()
    const capture = replica.capture()
    expect(() => replica.capture()).toThrow('another capture is in progress')
    capture.end()
    capture.end()
    expect(() => capture.next(1)).toThrow('the capture at instance 0 has ended')
    const second = replica.capture()
    capture.end()
    expect(() => replica.capture(), 'the end of an earlier one ends no later one').toThrow('in progress')
    second.end()
  })

  test('goes on at its instance when the state is replaced', () => {
    const [old, other] = [newReplica(), newReplica()]
    run(old, [ask('a@0', 1, lock('x'))])
    for (const name of ['p', 'q', 'r']) run(other, [ask('b@0', 1, lock(name))])
    const before = Buffer.from(old.snapshot()).toString()
    const capture = old.capture()
    const first = capture.next(100)
    const installation = old.installation()
    installation.add(other.snapshot())
    installation.end()
    installation.install()
    expect(old.digest()).toBe(other.digest())
    run(old, [ask('a@0', 1, lock('x'))])
    expect(joined([first!, ...drawn(capture)])).toBe(before)
  })

  test('of a service whose rows fail is never taken for a complete one', () => {
    const replica = newReplica({
      ...(lockService as Service),
      *snapshot() {
        yield 1
        throw new Error('no rows today')
      },
    })
    const capture = replica.capture()
    expect(() => drawn(capture)).toThrow('no rows today')
    expect(() => capture.next(10)).toThrow('the capture at instance 0 has failed')
    capture.end()
    replica.capture().end()
  })
})

describe('an installation', () => {
  const whole = () => {
    const replica = founded()
    replica.execute(0, opening)
    run(replica, [
      ask('a@0', 1, forLock({ action: 'lock', name: 'x' })),
      ask('n@0.0', 1, forKv({ action: 'put', key: 'k', value: 1, ttlMs: 9 })),
    ])
    run(replica, [ask('b@0', 1, forLock({ action: 'lock', name: 'x' }))])
    return replica.snapshot()
  }

  test('of a snapshot that was cut anywhere, or has another byte, changes nothing', () => {
    const bytes = whole()
    const replica = founded()
    const before = replica.digest()
    for (let length = 0; length < bytes.length; length += 1) {
      const installation = replica.installation()
      installation.add(bytes.subarray(0, length))
      expect(() => installation.install(), `cut at ${length}, and not ended`).toThrow('not read to its end')
      expect(() => installation.end(), `cut at ${length}`).toThrow('cut short')
      expect(() => installation.end(), 'again').toThrow('cut short')
      expect(() => installation.install(), 'all the same').toThrow('not read to its end')
    }
    expect(replica.digest()).toBe(before)
  })

  test('of any bytes ends with a reason or a replica', () => {
    fc.assert(
      fc.property(fc.nat(), fc.uint8Array({ minLength: 1, maxLength: 40 }), (at, noise) => {
        const bytes = whole()
        const place = at % bytes.length
        const changed = Buffer.concat([bytes.subarray(0, place), noise, bytes.subarray(place + noise.length)])
        const replica = founded()
        const before = replica.digest()
        try {
          const installation = replica.installation()
          installation.add(changed)
          installation.end()
          installation.install()
        } catch (error) {
          expect(error).toBeInstanceOf(Error)
          expect(replica.digest()).toBe(before)
        }
      }),
      { numRuns: 300 },
    )
  })

  test('shows its instance as soon as the head is read, and refuses an older one', () => {
    const bytes = whole()
    const replica = founded()
    const installation = replica.installation()
    expect(installation.instance).toBeNull()
    for (const byte of bytes) installation.add(Uint8Array.of(byte))
    expect(installation.instance).toBe(3)
    expect(() => installation.install(), 'whole, but not ended').toThrow('not read to its end')
    installation.end()
    expect(() => installation.add(bytes), 'behind its end').toThrow('stands behind its end')
    installation.end()
    installation.install()
    expect(() => installation.install(), 'twice').toThrow()
    const older = replica.installation()
    older.add(founded().snapshot())
    older.end()
    expect(() => older.install()).toThrow('it continues at 3')
    expect(replica.firstUnexecuted).toBe(3)
  })

  test('is no installation of another instance than was announced', () => {
    const named = (instance: number) => ({ instance, lengthBytes: 1, digest: '' })
    const installation = founded().installation()
    expect(whyNotInstallable(founded().installation(), named(3))).toContain('cut short')
    installation.add(whole())
    expect(whyNotInstallable(installation, named(4))).toBe(
      'it is a picture of instance 3, and one of instance 4 was announced',
    )
    expect(whyNotInstallable(installation, named(3))).toBeNull()
  })

  test.each([
    ['a session twice', 2, (line: string) => `${line}\n${line}`, 'stands there twice'],
    ['a line of no kind', 2, () => '["what"]', 'of no known kind'],
    ['a line with too few fields', 2, () => '["session","c@0"]', 'session is wrong'],
    [
      'a request before any session',
      1,
      (line: string) => `${line}\n["waiting",1,0,null,null]`,
      'before every session',
    ],
    ['a line that is missing', 2, () => '["timer","kv:k",9]', 'stands too late'],
    ['another service', 1, (line: string) => line.replace('kv+lock', 'kv'), 'a snapshot of the service kv'],
  ])('refuses %s', (_, number, change, reason) => {
    const lines = Buffer.from(whole()).toString().split('\n')
    lines[number - 1] = change(lines[number - 1] ?? '')
    const installation = founded().installation()
    expect(() => {
      installation.add(Buffer.from(lines.join('\n')))
      installation.end()
    }).toThrow(reason)
  })
})
