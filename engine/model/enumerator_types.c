/*
 * engine/model/enumerator_types.c
 *
 * Tables of the Foreach enumerators.
 *
 * Process: runner, client, loader.  Constant data, nothing to protect.
 */
#include "engine/model/object_types.h"

#include <string.h>

static const char *const file_name_names[] = {"fully_qualified", "name_and_extension", "name_only",
											  NULL};
static const char *const file_order_names[] = {"name", "modified", NULL};
static const char *const document_source_names[] = {"file_connection", "variable", "direct_input",
													NULL};
static const char *const node_enumeration_names[] = {"navigator", "node", "node_text",
													 "element_collection", NULL};

static const SoProperty file_properties[] = {
	{"folder", SO_PROPERTY_STRING, SO_PROPERTY_REQUIRED, NULL, NULL, NULL, "Folder to look in.",
	 "folder: /srv/in"},
	{"files", SO_PROPERTY_STRING, 0, "*", NULL, NULL,
	 "Pattern of the file names: * any text, ? one character, [a-z] one of a range.",
	 "files: \"*.csv\""},
	{"retrieve_file_name", SO_PROPERTY_ENUM, 0, "fully_qualified", file_name_names, NULL,
	 "What the loop gets: the whole path, the name with extension, or the name alone.",
	 "retrieve_file_name: name_and_extension"},
	{"recurse", SO_PROPERTY_BOOLEAN, 0, "false", NULL, NULL, "Look in folders below as well.",
	 "recurse: true"},
	{"order", SO_PROPERTY_ENUM, 0, "name", file_order_names, NULL,
	 "By path, or the oldest file first.", "order: modified"},
	{0}};

static const SoObjectType file_type = {
	"file", "File enumerator",
	"The files of a folder whose name matches a pattern. Index 0 is the name.", file_properties,
	NULL};

static const SoProperty item_properties[] = {
	{"columns", SO_PROPERTY_STRING_LIST, SO_PROPERTY_NO_EXPRESSION, NULL, NULL, NULL,
	 "Types of the columns; without it the values decide.", "columns: [string, int32]"},
	{"items", SO_PROPERTY_JSON, SO_PROPERTY_REQUIRED | SO_PROPERTY_NO_EXPRESSION, NULL, NULL, NULL,
	 "The rows, each a list of values; a plain value is a row of one.",
	 "items: [[north, 1], [south, 2]]"},
	{0}};

static const SoObjectType item_type = {"item", "Item enumerator",
									   "Rows that stand in the document. The index is the column.",
									   item_properties, NULL};

static const SoProperty variable_properties[] = {
	{"variable", SO_PROPERTY_VARIABLE, SO_PROPERTY_REQUIRED | SO_PROPERTY_NO_EXPRESSION, NULL, NULL,
	 NULL, "Variable of type object that holds a list.", "variable: \"User::regions\""},
	{0}};

static const SoObjectType variable_type = {"variable", "Variable enumerator",
										   "The members of a list in a variable of type object.",
										   variable_properties, NULL};

static const SoProperty node_list_properties[] = {
	{"source_type", SO_PROPERTY_ENUM, 0, "direct_input", document_source_names, NULL,
	 "Where the XML is: in a file (connection), in a variable, or here (document).",
	 "source_type: variable"},
	{"connection", SO_PROPERTY_CONNECTION, 0, NULL, NULL, NULL,
	 "File connection, for file_connection.", "connection: orders_xml"},
	{"variable", SO_PROPERTY_VARIABLE, SO_PROPERTY_NO_EXPRESSION, NULL, NULL, NULL,
	 "Text variable with the XML, for variable.", "variable: \"User::xml\""},
	{"document", SO_PROPERTY_TEXT, 0, NULL, NULL, NULL, "The XML itself, for direct_input.",
	 "document: \"<a><b>1</b></a>\""},
	{"enumeration_type", SO_PROPERTY_ENUM, 0, "node_text", node_enumeration_names, NULL,
	 "node_text gives the text of each node, node and navigator its XML, element_collection a row "
	 "of the inner nodes.",
	 "enumeration_type: element_collection"},
	{"outer_xpath", SO_PROPERTY_STRING, SO_PROPERTY_REQUIRED, NULL, NULL, NULL,
	 "XPath that finds the nodes.", "outer_xpath: /orders/order"},
	{"inner_xpath", SO_PROPERTY_STRING, 0, NULL, NULL, NULL,
	 "element_collection: XPath, from each node, that finds its columns.", "inner_xpath: \"@*\""},
	{"inner_element_type", SO_PROPERTY_ENUM, 0, "node_text", node_enumeration_names, NULL,
	 "element_collection: what a column is.", "inner_element_type: node_text"},
	{"namespaces", SO_PROPERTY_STRING_MAP, SO_PROPERTY_NO_EXPRESSION, NULL, NULL, NULL,
	 "Prefixes used in the XPath expressions and their namespaces.",
	 "namespaces: {o: \"http://example.org/orders\"}"},
	{0}};

static const SoObjectType node_list_type = {
	"node_list", "NodeList enumerator",
	"The nodes of an XML document that an XPath expression finds.", node_list_properties, NULL};

static const SoProperty result_set_properties[] = {
	{"variable", SO_PROPERTY_VARIABLE, SO_PROPERTY_REQUIRED | SO_PROPERTY_NO_EXPRESSION, NULL, NULL,
	 NULL, "Variable of type object that an Execute SQL task filled with a full result set.",
	 "variable: \"User::customers\""},
	{0}};

static const SoObjectType result_set_type = {
	"result_set", "Result set enumerator",
	"The rows of a full result set. The index is the column.", result_set_properties, NULL};

static const SoProperty json_array_properties[] = {
	{"variable", SO_PROPERTY_VARIABLE, SO_PROPERTY_NO_EXPRESSION, NULL, NULL, NULL,
	 "Variable with the JSON, as text or as an object. One of variable, document and connection is "
	 "needed.",
	 "variable: \"User::answer\""},
	{"document", SO_PROPERTY_TEXT, 0, NULL, NULL, NULL, "The JSON itself.",
	 "document: '[{\"id\": 1}, {\"id\": 2}]'"},
	{"connection", SO_PROPERTY_CONNECTION, 0, NULL, NULL, NULL, "File connection of the JSON file.",
	 "connection: answer_json"},
	{"pointer", SO_PROPERTY_STRING, 0, "", NULL, NULL,
	 "JSON pointer of the array inside the document; empty for the document itself.",
	 "pointer: /data/items"},
	{0}};

static const SoObjectType json_array_type = {"json_array", "JSON array enumerator",
											 "The members of a JSON array. column names a member "
											 "of each object, index a position in each array.",
											 json_array_properties, NULL};

static const SoObjectType *const enumerator_types[] = {
	&file_type,       &item_type, &variable_type, &node_list_type, &result_set_type,
	&json_array_type, NULL};

const SoObjectType *const *
so_enumerator_types(void)
{
	return enumerator_types;
}

const SoObjectType *
so_enumerator_type_find(const char *name)
{
	for (int i = 0; enumerator_types[i] != NULL; i++)
	{
		if (strcmp(enumerator_types[i]->name, name) == 0)
			return enumerator_types[i];
	}
	return NULL;
}
