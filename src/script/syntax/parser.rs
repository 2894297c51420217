//! Reads a script into its tree.

use super::super::lexer::{Kind, Token, tokens};
use super::tree::{Arguments, Block, Expression, Form, Function, Item, ItemKey, Name, Statement, Step, StepForm};

/// How deep a script may nest: deeper than people write, and well within the stack of any thread.
const DEPTH: usize = 100;

/// Why a text has no tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::script) enum Failure {
    /// It is no script.
    Syntax { message: String, range: std::ops::Range<usize> },
    /// It nests deeper than is looked at. It may be a script.
    TooDeep,
}

/// Reads a script.
pub(in crate::script) fn parse(text: &str) -> Result<Block<'_>, Failure> {
    let body = skip_first_line(text);
    let offset = text.len() - body.len();
    let mut tokens = tokens(body).map_err(|error| {
        let start = offset + error.offset;
        let end = text[start..].find('\n').map_or(text.len(), |length| start + length);
        Failure::Syntax { message: error.message, range: start..end }
    })?;
    for token in &mut tokens {
        token.start += offset;
    }
    let mut parser = Parser { text, tokens, at: 0, depth: 0 };
    let block = parser.block()?;
    match parser.peek() {
        None => Ok(block),
        Some(_) => Err(parser.unexpected("a statement")),
    }
}

/// Lua passes over a first line that begins with `#`, for the shell.
fn skip_first_line(text: &str) -> &str {
    if text.starts_with('#') { text.find('\n').map_or("", |end| &text[end..]) } else { text }
}

struct Parser<'a> {
    text: &'a str,
    tokens: Vec<Token<'a>>,
    at: usize,
    depth: usize,
}

type Parsed<T> = Result<T, Failure>;

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<&Token<'a>> {
        self.tokens.get(self.at)
    }

    fn is(&self, text: &str) -> bool {
        self.peek().is_some_and(|token| token.is(text))
    }

    fn accept(&mut self, text: &str) -> bool {
        let is = self.is(text);
        self.at += usize::from(is);
        is
    }

    /// Where the next token begins; the end of the text after the last.
    fn start(&self) -> usize {
        self.peek().map_or(self.text.len(), |token| token.start)
    }

    /// Where the last token ended.
    fn end(&self) -> usize {
        self.at.checked_sub(1).and_then(|last| self.tokens.get(last)).map_or(0, Token::end)
    }

    fn line_of(&self, offset: usize) -> usize {
        self.text[..offset].matches('\n').count() + 1
    }

    fn unexpected(&self, wanted: &str) -> Failure {
        let (message, range) = match self.peek() {
            Some(token) => {
                let shown: String = token.text.chars().take(24).collect();
                (format!("{wanted} is expected here, not `{shown}`"), token.start..token.end())
            }
            None => (format!("{wanted} is expected, but the script ends"), self.end()..self.end()),
        };
        Failure::Syntax { message, range }
    }

    fn expect(&mut self, text: &str) -> Parsed<()> {
        if self.accept(text) { Ok(()) } else { Err(self.unexpected(&format!("`{text}`"))) }
    }

    /// Expects what closes something that was opened before.
    fn close(&mut self, text: &str, opened: &str, at: usize) -> Parsed<()> {
        if self.accept(text) {
            return Ok(());
        }
        let line = self.line_of(at);
        let wanted = if line == self.line_of(self.start()) {
            format!("`{text}`, to close `{opened}`,")
        } else {
            format!("`{text}`, to close the `{opened}` of line {line},")
        };
        Err(self.unexpected(&wanted))
    }

    fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.depth >= DEPTH {
            return Err(Failure::TooDeep);
        }
        self.depth += 1;
        let result = read(self);
        self.depth -= 1;
        result
    }

    fn name(&mut self) -> Parsed<Name<'a>> {
        match self.peek() {
            Some(token) if token.kind == Kind::Name => {
                let name = Name { text: token.text, start: token.start };
                self.at += 1;
                Ok(name)
            }
            _ => Err(self.unexpected("a name")),
        }
    }

    /// Statements up to a word that ends a block.
    fn block(&mut self) -> Parsed<Block<'a>> {
        self.deeper(|parser| {
            let mut block = Vec::new();
            while let Some(token) = parser.peek() {
                if ["end", "else", "elseif", "until"].iter().any(|word| token.is(word)) {
                    break;
                }
                let is_last = token.is("return");
                if let Some(statement) = parser.statement()? {
                    block.push(statement);
                }
                if is_last {
                    break;
                }
            }
            Ok(block)
        })
    }

    /// A block and its `end`.
    fn body(&mut self, opened: &'static str, at: usize) -> Parsed<Block<'a>> {
        let body = self.block()?;
        self.close("end", opened, at)?;
        Ok(body)
    }

    /// The next statement; none for what is of no account: `;`, `break`, `goto`, labels.
    fn statement(&mut self) -> Parsed<Option<Statement<'a>>> {
        let start = self.start();
        let word = self.peek().filter(|token| token.kind != Kind::String).map_or("", |token| token.text);
        if word != "(" {
            self.at += 1;
        }
        Ok(Some(match word {
            ";" | "break" => return Ok(None),
            "goto" => {
                self.name()?;
                return Ok(None);
            }
            "::" => {
                self.name()?;
                self.expect("::")?;
                return Ok(None);
            }
            "do" => Statement::Do(self.body("do", start)?),
            "while" => {
                let condition = self.expression()?;
                self.expect("do")?;
                Statement::While { condition, body: self.body("while", start)? }
            }
            "repeat" => {
                let body = self.block()?;
                self.close("until", "repeat", start)?;
                Statement::Repeat { body, until: self.expression()? }
            }
            "if" => self.branches(start)?,
            "for" => self.repetition(start)?,
            "function" => self.named_function(start)?,
            "local" => self.local()?,
            "return" => {
                let ends = self
                    .peek()
                    .is_none_or(|token| ["end", "else", "elseif", "until", ";"].iter().any(|word| token.is(word)));
                let values = if ends { Vec::new() } else { self.expressions()? };
                self.accept(";");
                Statement::Return(values)
            }
            _ => {
                self.at -= usize::from(word != "(");
                self.assignment_or_call()?
            }
        }))
    }

    fn branches(&mut self, start: usize) -> Parsed<Statement<'a>> {
        let mut branches = Vec::new();
        let mut otherwise = Vec::new();
        loop {
            let condition = self.expression()?;
            self.expect("then")?;
            branches.push((condition, self.block()?));
            if self.accept("elseif") {
                continue;
            }
            if self.accept("else") {
                otherwise = self.block()?;
            }
            self.close("end", "if", start)?;
            return Ok(Statement::If { branches, otherwise });
        }
    }

    fn repetition(&mut self, start: usize) -> Parsed<Statement<'a>> {
        let name = self.name()?;
        if self.accept("=") {
            let bounds = self.expressions()?;
            self.expect("do")?;
            return Ok(Statement::Count { name, bounds, body: self.body("for", start)? });
        }
        let mut names = vec![name];
        while self.accept(",") {
            names.push(self.name()?);
        }
        self.expect("in")?;
        let values = self.expressions()?;
        self.expect("do")?;
        Ok(Statement::Each { names, values, body: self.body("for", start)? })
    }

    fn named_function(&mut self, start: usize) -> Parsed<Statement<'a>> {
        let name = self.name()?;
        let root = Expression { range: name.range(), form: Form::Name(name.text) };
        let mut steps = Vec::new();
        let mut is_method = false;
        while !is_method && (self.is(".") || self.is(":")) {
            is_method = self.is(":");
            self.at += 1;
            let field = self.name()?;
            steps.push(Step { end: field.range().end, form: StepForm::Field(field) });
        }
        let range = root.range.start..self.end();
        let target = match steps.is_empty() {
            true => root,
            false => Expression { form: Form::Path { root: Box::new(root), steps }, range },
        };
        let mut function = self.function(start)?;
        if is_method {
            function.parameters.insert(0, Name { text: "self", start });
        }
        Ok(Statement::Function { target, function })
    }

    fn local(&mut self) -> Parsed<Statement<'a>> {
        let start = self.start();
        if self.accept("function") {
            let name = self.name()?;
            return Ok(Statement::LocalFunction { name, function: self.function(start)? });
        }
        let mut names = Vec::new();
        loop {
            names.push(self.name()?);
            if self.accept("<") {
                self.name()?;
                self.expect(">")?;
            }
            if !self.accept(",") {
                break;
            }
        }
        let values = if self.accept("=") { self.expressions()? } else { Vec::new() };
        Ok(Statement::Local { names, values })
    }

    fn assignment_or_call(&mut self) -> Parsed<Statement<'a>> {
        let first = self.path()?;
        if self.is("=") || self.is(",") {
            let mut targets = vec![first];
            while self.accept(",") {
                targets.push(self.path()?);
            }
            self.expect("=")?;
            return Ok(Statement::Assign { targets, values: self.expressions()? });
        }
        let last = match &first.form {
            Form::Path { steps, .. } => steps.last().map(|step| &step.form),
            _ => None,
        };
        if matches!(last, Some(StepForm::Call(_) | StepForm::Method(..))) {
            return Ok(Statement::Call(first));
        }
        Err(match self.peek() {
            Some(_) => self.unexpected("`=` or a call"),
            None => Failure::Syntax {
                message: "this does nothing: a statement is an assignment or a call".into(),
                range: first.range,
            },
        })
    }

    /// Parameters, body and `end`, after `function` and its name.
    fn function(&mut self, start: usize) -> Parsed<Function<'a>> {
        let open = self.start();
        self.expect("(")?;
        let mut parameters = Vec::new();
        if !self.is(")") {
            loop {
                if self.accept("...") {
                    break;
                }
                parameters.push(self.name()?);
                if !self.accept(",") {
                    break;
                }
            }
        }
        self.close(")", "(", open)?;
        Ok(Function { start, parameters, body: self.body("function", start)? })
    }

    fn expressions(&mut self) -> Parsed<Vec<Expression<'a>>> {
        let mut all = vec![self.expression()?];
        while self.accept(",") {
            all.push(self.expression()?);
        }
        Ok(all)
    }

    /// Operands and the operators between them.
    fn expression(&mut self) -> Parsed<Expression<'a>> {
        self.deeper(|parser| {
            let first = parser.operand()?;
            if parser.operator().is_none() {
                return Ok(first);
            }
            let start = first.range.start;
            let (mut operands, mut operators) = (vec![first], Vec::new());
            while let Some(operator) = parser.operator() {
                parser.at += 1;
                operators.push(operator);
                operands.push(parser.operand()?);
            }
            Ok(Expression { form: Form::Operation { operands, operators }, range: start..parser.end() })
        })
    }

    fn operator(&self) -> Option<&'a str> {
        const OPERATORS: &[&str] = &[
            "+", "-", "*", "/", "//", "%", "^", "..", "==", "~=", "<", ">", "<=", ">=", "and", "or", "&", "|", "~",
            "<<", ">>",
        ];
        self.peek()
            .filter(|token| token.kind != Kind::String && OPERATORS.contains(&token.text))
            .map(|token| token.text)
    }

    fn operand(&mut self) -> Parsed<Expression<'a>> {
        let start = self.start();
        let mut signs = Vec::new();
        while let Some(token) = self.peek().filter(|token| ["not", "-", "#", "~"].iter().any(|sign| token.is(sign))) {
            signs.push(token.text);
            self.at += 1;
        }
        let operand = self.simple()?;
        if signs.is_empty() {
            return Ok(operand);
        }
        Ok(Expression { form: Form::Signed { signs, operand: Box::new(operand) }, range: start..self.end() })
    }

    fn simple(&mut self) -> Parsed<Expression<'a>> {
        let Some(token) = self.peek() else { return Err(self.unexpected("a value")) };
        let (start, text) = (token.start, token.text);
        let form = match (token.kind, text) {
            (Kind::Number, _) => Form::Number(text),
            (Kind::String, _) => Form::Text(text),
            (_, "nil") => Form::Nil,
            (_, "true") => Form::Boolean(true),
            (_, "false") => Form::Boolean(false),
            (_, "...") => Form::Rest,
            (_, "{") => return self.table(),
            (_, "function") => {
                self.at += 1;
                let function = self.function(start)?;
                return Ok(Expression { form: Form::Function(function), range: start..self.end() });
            }
            _ => return self.path(),
        };
        self.at += 1;
        Ok(Expression { form, range: start..self.end() })
    }

    /// A name or a bracketed expression, and fields, indices and calls after it.
    fn path(&mut self) -> Parsed<Expression<'a>> {
        let start = self.start();
        let root = if self.accept("(") {
            let inner = self.expression()?;
            self.close(")", "(", start)?;
            Expression { form: Form::Bracketed(Box::new(inner)), range: start..self.end() }
        } else if self.peek().is_some_and(|token| token.kind == Kind::Name) {
            let name = self.name()?;
            Expression { range: name.range(), form: Form::Name(name.text) }
        } else {
            return Err(self.unexpected("a value"));
        };
        let mut steps = Vec::new();
        while let Some(form) = self.step()? {
            steps.push(Step { form, end: self.end() });
        }
        if steps.is_empty() {
            return Ok(root);
        }
        Ok(Expression { form: Form::Path { root: Box::new(root), steps }, range: start..self.end() })
    }

    fn step(&mut self) -> Parsed<Option<StepForm<'a>>> {
        let start = self.start();
        if self.accept(".") {
            return Ok(Some(StepForm::Field(self.name()?)));
        }
        if self.accept("[") {
            let index = self.expression()?;
            self.close("]", "[", start)?;
            return Ok(Some(StepForm::Index(index)));
        }
        if self.accept(":") {
            let name = self.name()?;
            return match self.arguments()? {
                Some(arguments) => Ok(Some(StepForm::Method(name, arguments))),
                None => Err(self.unexpected("the arguments of a call")),
            };
        }
        Ok(self.arguments()?.map(StepForm::Call))
    }

    /// The arguments of a call, if they stand here: `(…)`, a table, a string.
    fn arguments(&mut self) -> Parsed<Option<Arguments<'a>>> {
        let start = self.start();
        if self.accept("(") {
            if self.accept(")") {
                return Ok(Some(Vec::new()));
            }
            let arguments = self.expressions()?;
            self.close(")", "(", start)?;
            return Ok(Some(arguments));
        }
        if self.is("{") {
            return Ok(Some(vec![self.table()?]));
        }
        match self.peek() {
            Some(token) if token.kind == Kind::String => {
                let argument = Expression { form: Form::Text(token.text), range: token.start..token.end() };
                self.at += 1;
                Ok(Some(vec![argument]))
            }
            _ => Ok(None),
        }
    }

    fn table(&mut self) -> Parsed<Expression<'a>> {
        let start = self.start();
        self.expect("{")?;
        let mut items = Vec::new();
        while !self.is("}") && self.peek().is_some() {
            items.push(self.item()?);
            if !self.accept(",") && !self.accept(";") {
                break;
            }
        }
        self.close("}", "{", start)?;
        Ok(Expression { form: Form::Table(items), range: start..self.end() })
    }

    fn item(&mut self) -> Parsed<Item<'a>> {
        let start = self.start();
        let is_named = self.tokens.get(self.at + 1).is_some_and(|token| token.is("="));
        if self.peek().is_some_and(|token| token.kind == Kind::Name) && is_named {
            let name = self.name()?;
            self.expect("=")?;
            return Ok(Item { key: ItemKey::Name(name), value: self.expression()? });
        }
        if self.accept("[") {
            let key = self.expression()?;
            self.close("]", "[", start)?;
            self.expect("=")?;
            return Ok(Item { key: ItemKey::Value(key), value: self.expression()? });
        }
        Ok(Item { key: ItemKey::Position, value: self.expression()? })
    }
}
