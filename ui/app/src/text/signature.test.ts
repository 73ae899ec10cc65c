import { expect, it } from 'vitest'
import { isOfWords, withoutSignature } from './signature'

it('a mail with a signature is still the one that was written', () => {
  expect(isOfWords('Yes.\n\n-- \nOlga', 'Yes.')).toBe(true)
  expect(isOfWords('Yes.', 'Yes. ')).toBe(true)
  expect(isOfWords('Yes. No.', 'Yes.')).toBe(false)
})

it('what is taken back comes without the signature, which would stand there twice', () => {
  expect(withoutSignature('Yes.\n\n-- \nOlga\nShop')).toBe('Yes.')
  expect(withoutSignature('a -- b')).toBe('a -- b')
})
