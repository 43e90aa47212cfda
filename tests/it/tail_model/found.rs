//! Sequences of actions that the property test found.

use super::Action::{self, Copy, Gzip, Hole, Late, Middle, Partial, Rename, Replace, Round, SettleAll, Wait, Write};
use super::model::{Between, Options};
use super::play;

const READ: Action = Round { scan: true, lines_max: u8::MAX };

/// Plays a sequence with every combination of options.
fn play_all(actions: &[Action]) {
    for bits in 0..16_u8 {
        let has = |bit: u8| bits & (1 << bit) != 0;
        let options = Options { copies_match: has(0), prune: has(1), joins: has(2), streams: has(3) };
        play(actions, options);
    }
}

/// Goal: of two replacements, the later counts, though the rest of the file that both replaced was read after it.
#[test]
fn a_replacement_that_is_replaced_is_read_once() {
    for lines in 0..2 {
        play_all(&[Write(0, 1, 0), READ, Hole(0, 1), Replace(0, lines), Wait(1), Write(0, 1, 0), Replace(0, lines)]);
    }
}

/// Goal: a rotated file that was deleted because it was shipped is not the last file that was deleted under its first name.
#[test]
fn a_replaced_file_is_known_after_a_rotated_one_was_deleted() {
    for lines in 0..2 {
        let rename = Rename { file: 0, keep: 1, late: 0, again: true };
        play_all(&[Partial(0), Wait(1), rename, Wait(6), Write(0, 1, 0), Replace(0, lines)]);
    }
}

/// Goal: what is appended to a copy is read, though the copy is shorter than what was read of the original.
#[test]
fn lines_appended_to_a_short_copy_are_read() {
    for (before, after) in [(3, 9), (30, 90)] {
        let copy = Copy { file: 0, keep: 1, appended: after, between: Between::Unseen };
        let mut actions = vec![Write(0, before, 30), READ, copy, Late(0, 1)];
        play_all(&actions);
        actions.push(Gzip(0, 1));
        play_all(&actions);
    }
}

/// Goal: what is left of a container's file that was cut behind the position is read, and what is written after that.
#[test]
fn a_cut_file_of_a_container_is_read_on() {
    let round = Round { scan: false, lines_max: 1 };
    let mut actions = vec![Write(1, 5, 0), Wait(6), round, SettleAll, Middle(1)];
    play_all(&actions);
    actions.extend([Wait(6), READ, Write(1, 4, 0)]);
    play_all(&actions);
}

/// Goal: the last file that was deleted under a name counts, though zeros of an earlier one are waited for.
#[test]
fn a_replaced_file_is_known_after_an_earlier_one_was_read() {
    let copy = Copy { file: 0, keep: 1, appended: 0, between: Between::Nothing };
    let round = Round { scan: true, lines_max: 1 };
    let rename = Rename { file: 0, keep: 1, late: 0, again: false };
    let begun = [Write(0, 4, 0), Hole(0, 1), round.clone(), rename, Write(0, 1, 0)];
    play_all(&[&begun[..], &[copy, Replace(0, 1), round, Replace(0, 0)]].concat());
}
