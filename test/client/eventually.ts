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
