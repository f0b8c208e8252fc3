/** For the tests of a service of one's own: `paxos-made-simpler/testing`. */
import type { Json } from '../machines/batch.ts'
import type { Service } from './services/service.ts'

/**
 * `value`, frozen with all that is in it: writing into it throws a TypeError. A Map and a Set, which cannot be frozen, throw
 * in place of changing. Costs its size once: what is frozen already is not walked again. What neither can be done to, the
 * bytes of an array and the private fields of a class, stays as it is.
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

/** What has been frozen here. */
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
 * `service`, watched: each state that it gives is frozen by `deepFreeze`, and so are the command and the moment, so that
 * `execute` throws where it writes into one of them. What cannot be frozen is found after it: throws an Error when the snapshot
 * of the state of before is another than it was. Give it to `startNode`, or call it as the service that it is, in tests; it
 * costs the size of the state for every request.
 */
export function readOnly<State, Command, Result extends Json>(
  service: Service<State, Command, Result>,
): Service<State, Command, Result> {
  return {
    ...service,
    initial: () => deepFreeze(service.initial()),
    restore: (bytes) => deepFreeze(service.restore(bytes)),
    execute(state, command, at) {
      deepFreeze(state)
      const before = service.snapshot(state)
      try {
        const answer = service.execute(state, deepFreeze(command), deepFreeze(at))
        deepFreeze(answer?.state)
        return answer
      } finally {
        if (!areEqual(before, service.snapshot(state))) {
          // biome-ignore lint/correctness/noUnsafeFinally: it is graver than whatever execute threw.
          throw new Error(
            `the service ${service.name} wrote into its state: give another state and leave that one as it was`,
          )
        }
      }
    },
  }
}

function areEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, place) => byte === b[place])
}
