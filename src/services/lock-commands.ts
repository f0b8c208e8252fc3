/** The position at which the lock was taken. The later of two tokens of a lock is greater: by `instance`, then by `index`. */
export type LockToken = { readonly instance: number; readonly index: number }

/** `unlock` without a token frees the lock for any holder; with a token, only when it is the present holder's. */
export type LockCommand =
  | { readonly action: 'lock'; readonly name: string }
  | { readonly action: 'unlock'; readonly name: string; readonly token?: LockToken }

/** Takes the lock `name`, and waits while it is held. */
export function lockCommand(name: string): LockCommand & { readonly action: 'lock' } {
  return { action: 'lock', name }
}

/** Frees the lock `name`; with `token`, only when the present holder has that token. */
export function unlockCommand(name: string, token?: LockToken): LockCommand & { readonly action: 'unlock' } {
  return token === undefined ? { action: 'unlock', name } : { action: 'unlock', name, token }
}
