/** The clients of a measurement, in a process of their own. */
import { measureHandOff } from '../load/hand-off.ts'
import { closeHolders, holdLocks } from '../load/holders.ts'
import { measureLoad } from '../load/load.ts'
import { commonCommands, serve } from './commands.ts'

const commands = {
  ...commonCommands,
  load: measureLoad,
  handOff: measureHandOff,
  hold: holdLocks,
  closeHolders,
}
export type ClientCommands = typeof commands

serve(commands)
