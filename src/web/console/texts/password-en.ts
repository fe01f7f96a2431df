import type { passwordJa } from './password-ja.ts';

/** Passwords, in English. */
export const passwordEn: typeof passwordJa = {
  old: 'Current password',
  new: 'New password',
  again: 'New password again',
  advice: '12 characters or more. Four or more words that have nothing to do with each other are easy to keep in mind.',
  differs: 'Not the same as above',
  submit: 'Change',
  cancel: 'Cancel',
  done: 'Password changed',
  first: 'Choose your password',
  firstText:
    '{{name}}, your password is a temporary one that somebody else knows too. Choose one that only you know; then everything is open to you.',
  weak: {
    short: 'It has fewer than 12 characters',
    long: 'It has more than 256 characters',
    same: 'It is the one you have now',
    own: 'It has your name in it, your account’s or this service’s',
    common: 'It has a password in it that many people use',
    repeated: 'It repeats itself',
    row: 'It has keys that lie side by side, or a sequence such as 1234',
    date: 'It has a date or a year in it',
    words: 'It is made of few common words or names',
    guessable: 'It is too simple',
  },
};
