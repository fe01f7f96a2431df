import type { AccountCard } from '../accounts/cards.ts';
import type { IntakeForm } from './intake.ts';
import { personWanted, type ReportLanguage, writtenNumber } from './intake-words.ts';

/** What the agent reads back to the caller, so that they can correct it (復唱). */
export function readBack(form: IntakeForm, card: AccountCard | undefined, language: ReportLanguage): string {
  const person = personWanted(card, form.forWhom)?.name;
  const sentences = language === 'ja' ? japanese(form, person) : english(form, person);
  return sentences.filter((sentence) => sentence !== '').join(language === 'ja' ? '\n' : ' ');
}

function japanese(form: IntakeForm, person: string | undefined): string[] {
  const { callerName, company, phoneNumber, business, callBack, callBackWhen } = form;
  const name = callerName.trim() ? `${callerName.trim()}様` : '';
  const who = company.trim() ? `${company.trim()}${name ? `の${name}` : '様'}` : name;
  const when = callBackWhen.trim();
  return [
    '復唱いたします。',
    who && `${who}でいらっしゃいますね。`,
    phoneNumber.trim() && `お電話番号は、${writtenNumber(phoneNumber)}。`,
    person === undefined ? '' : `${person}宛てでございますね。`,
    business.trim() && `ご用件は、「${business.trim()}」。`,
    callBack === 'wanted' ? `折り返しのお電話を${when ? `、${when}に` : ''}ご希望。` : '',
    form.urgency === 'urgent' ? 'お急ぎとのこと。' : '',
    '以上でお間違いございませんでしょうか。',
  ];
}

function english(form: IntakeForm, person: string | undefined): string[] {
  const { callerName, company, phoneNumber, business, callBack, callBackWhen } = form;
  const who = [callerName.trim(), company.trim()].filter(Boolean).join(' of ');
  const when = callBackWhen.trim();
  return [
    'Let me read that back.',
    who && `You are ${who}.`,
    phoneNumber.trim() && `Your number is ${writtenNumber(phoneNumber)}.`,
    person === undefined ? '' : `Your call is for ${person}.`,
    business.trim() && `Your message: "${business.trim()}".`,
    callBack === 'wanted' ? `You would like to be called back${when ? `: ${when}` : ''}.` : '',
    form.urgency === 'urgent' ? 'It is urgent.' : '',
    'Is that right?',
  ];
}
