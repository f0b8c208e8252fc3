import type { Json } from '../../machines/batch.ts'

/** `null` means that the key has no value; it cannot be stored. */
export type KvCommand =
  | { readonly action: 'get'; readonly key: string }
  | { readonly action: 'put'; readonly key: string; readonly value: Json }
  | { readonly action: 'delete'; readonly key: string }
  /** Puts `value` when the present value equals `expected`. The order of an object's fields does not matter. */
  | { readonly action: 'compareAndSet'; readonly key: string; readonly expected: Json; readonly value: Json }
  /** Removes the value and returns it; waits until there is one. */
  | { readonly action: 'take'; readonly key: string }

/** Reads the value of `key`. */
export function getCommand(key: string): KvCommand {
  return { action: 'get', key }
}

/** Sets the value of `key`. */
export function putCommand(key: string, value: Json): KvCommand {
  return { action: 'put', key, value }
}

/** Removes the value of `key`. */
export function deleteCommand(key: string): KvCommand {
  return { action: 'delete', key }
}

/** Sets the value of `key` when the present value equals `expected`; `null` expects no value. */
export function compareAndSetCommand(key: string, expected: Json, value: Json): KvCommand {
  return { action: 'compareAndSet', key, expected, value }
}

/** Removes the value of `key`, and waits while there is none. */
export function takeCommand(key: string): KvCommand {
  return { action: 'take', key }
}
