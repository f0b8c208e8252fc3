import { createInterface } from 'node:readline/promises'
import { Option } from 'commander'
import { Failure, wrongUse } from './exit-codes.ts'
import { complain } from './output.ts'

/** `--yes`, for scripts. */
export function yesOption(): Option {
  return new Option('--yes', 'do it without a question')
}

/**
 * Says what `losses` there may be, one a line, and asks whether to go on. With `yes` it does not ask. Throws a `Failure` when the
 * answer is not yes, or when there is no terminal to ask at.
 */
export async function confirm(
  losses: readonly string[],
  { yes = false }: { readonly yes?: boolean },
): Promise<void> {
  for (const loss of losses) complain(loss)
  if (yes) return
  if (!process.stdin.isTTY)
    throw wrongUse('nothing was done: give --yes to confirm it, because there is no terminal to ask at')
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  try {
    const answer = await terminal.question('Type yes to go on: ')
    if (answer.trim() !== 'yes') throw new Failure('nothing was done: the answer was not yes')
  } finally {
    terminal.close()
  }
}
