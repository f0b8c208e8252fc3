/** Helpers for the tests of your own service: `paxos-made-simpler/testing`. */
import type { Json } from '../machines/batch.ts'
import { canonicalJson } from './core/digest.ts'
import type { RequestName, Service, Time } from './services/service.ts'

/**
 * Freezes `value` and all values in it: a write into them throws a TypeError. A Map and a Set cannot be frozen; instead,
 * their methods that change them throw. The cost is the size of `value`; values that are frozen already cost nothing. The
 * bytes of a typed array and the private fields of a class stay writable.
 */
export function deepFreeze<T>(value: T): T {
  const open: unknown[] = [value]
  while (open.length > 0) {
    const next = open.pop()
    if ((typeof next !== 'object' && typeof next !== 'function') || next === null) continue
    if (known.has(next)) continue
    known.add(next)
    if (next instanceof Map) open.push(...next.keys(), ...next.values())
    if (next instanceof Set) open.push(...next)
    if ((next instanceof Map || next instanceof Set) && Object.isExtensible(next)) shut(next)
    for (const key of Reflect.ownKeys(next)) open.push(Object.getOwnPropertyDescriptor(next, key)?.value)
    if (!ArrayBuffer.isView(next)) Object.freeze(next)
  }
  return value
}

/** The values that `deepFreeze` has frozen. */
const known = new WeakSet<object>()

function shut(collection: object): void {
  for (const method of ['set', 'add', 'delete', 'clear']) {
    if (!(method in collection)) continue
    Object.defineProperty(collection, method, {
      value: () => {
        throw new TypeError(`${method} would change a read-only value`)
      },
    })
  }
}

/**
 * Wraps `service` so that tests find writes into a state. `deepFreeze` freezes each state that the service returns, and the
 * command and the moment, so that a method throws when it writes into one of them. For values that cannot be frozen, the
 * snapshots of the old state before and after are compared, and an Error is thrown when they differ. Pass the wrapped service
 * to `startNode`, or call it directly, in tests. It costs the size of the state for each request.
 */
export function readOnly<State, Command, Result extends Json>(
  service: Service<State, Command, Result>,
): Service<State, Command, Result> {
  const guarded = <T extends { readonly state: State }>(state: State, run: () => T): T => {
    deepFreeze(state)
    const before = textOf(service.snapshot(state))
    try {
      const answer = run()
      deepFreeze(answer?.state)
      return answer
    } finally {
      if (before !== textOf(service.snapshot(state))) {
        // biome-ignore lint/correctness/noUnsafeFinally: it is graver than an error of the service.
        throw new Error(
          `the service ${service.name} wrote into its state: return a new state and leave the old one unchanged`,
        )
      }
    }
  }
  const { timerFired, upgraded, requestEnded, sessionEnded } = service
  return {
    ...service,
    initial: () => deepFreeze(service.initial()),
    restore: (rows) => deepFreeze(service.restore(rows)),
    execute: (state, command, at) =>
      guarded(state, () => service.execute(state, deepFreeze(command), deepFreeze(at))),
    ...(timerFired !== undefined && {
      timerFired: (state: State, name: string, at: Time) =>
        guarded(state, () => timerFired.call(service, state, name, deepFreeze(at))),
    }),
    ...(upgraded !== undefined && {
      upgraded: (state: State, from: number, at: Time) =>
        guarded(state, () => upgraded.call(service, state, from, deepFreeze(at))),
    }),
    ...(requestEnded !== undefined && {
      requestEnded: (state: State, request: RequestName, at: Time) =>
        guarded(state, () => requestEnded.call(service, state, deepFreeze(request), deepFreeze(at))),
    }),
    ...(sessionEnded !== undefined && {
      sessionEnded: (state: State, uid: string, at: Time) =>
        guarded(state, () => sessionEnded.call(service, state, uid, deepFreeze(at))),
    }),
  }
}

function textOf(rows: Iterable<Json>): string {
  return canonicalJson([...rows])
}
