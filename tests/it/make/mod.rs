//! envloom as make, beside make, below make.

mod habits;
