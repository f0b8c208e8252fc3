/**
 * Calls `check` until it throws no more, every 10 ms and so often at most; then throws what it throws. Fake clocks stand meanwhile, which
 * `vi.waitFor` would let pass.
 */
export async function eventually(check: () => void, tries: number): Promise<void> {
  for (let left = tries; left > 0; left -= 1) {
    try {
      check()
      return
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  }
  check()
}

/**
 * Resolves when a client of this process has handled what a server of this process has said: each turn of the event loop reads the
 * sockets once. Until then a test must not let a fake clock jump: to the client, the answer would come after the jump.
 */
export async function answersArrived(): Promise<void> {
  for (let turns = 0; turns < 3; turns += 1) await new Promise((resolve) => setImmediate(resolve))
}
