import { nextBoot, nothingVoted, type Proof } from '../../machines/boot.ts'

const heard = (random: string) => ({
  boot: { ...nextBoot(null, random), voted: nothingVoted },
  voted: nothingVoted,
})

/** Two boots that no directory can have had both. */
export const copiedBoots: Proof = { one: heard('one'), other: heard('other') }
